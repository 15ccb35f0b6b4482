//! Instances of generics that cells use most. Nobody calls this: it makes the compiler
//! put them into the library, from where cells take them instead of compiling them
//! again, which would be most of their time.

use crate::cell::{
    put, put_back,
    show::{Offered as _, ViaRich as _},
    take,
};
use crate::display::Rich;
use crate::prelude::*;
use std::error::Error;
use std::hint::black_box;

/// Variables of these types are handed from cell to cell.
macro_rules! variables {
    ($($type:ty),* $(,)?) => {
        $(
            let value: $type = take("");
            put("", value);
            let value: $type = take("");
            put_back("", value);
        )*
    };
}

/// Values of these types also end cells.
macro_rules! values {
    ($($type:ty),* $(,)?) => {
        variables!($($type),*);
        $(
            let value: $type = take("");
            (&(&value).evcxr_display()).show_as_result();
            (&(&&value).evcxr_display()).show_as_result();
            let _: &dyn Rich = &value;
        )*
    };
}

/// See the module.
pub fn instances() -> Result<(), Box<dyn Error>> {
    values!(
        bool,
        char,
        u8,
        u32,
        u64,
        usize,
        i32,
        i64,
        f64,
        String,
        &'static str,
        Vec<u8>,
        Vec<u32>,
        Vec<u64>,
        Vec<usize>,
        Vec<i32>,
        Vec<i64>,
        Vec<f64>,
        Vec<String>,
        Vec<&'static str>,
        Vec<(f64, f64)>,
        Vec<Vec<f64>>,
        Option<i32>,
        Option<f64>,
        Option<String>,
        (i32, i32),
        (f64, f64),
        (),
        DataFrame,
        Chart,
        Table,
        Bundle,
    );
    variables!(
        LazyFrame,
        Series,
        Column,
        Expr,
        Sweep,
        Queue,
        Estimate,
        Estimates,
        Histogram,
        Stream,
        Trials,
        Vec<Estimate>,
    );
    variables!(
        Scenario,
        Survey<KeyValueSpec>,
        Survey<CounterSpec>,
        Survey<SetSpec>,
        Survey<MultiValueSpec>,
        Vec<Survey<KeyValueSpec>>,
        RegisterHistory,
        Placement,
        QuorumSystem,
    );
    histories();
    frames()?;
    queries()?;
    drawing()?;
    Ok(())
}

/// What the checker's and the survey's methods are for the objects that there are.
fn histories() {
    surveyed::<KeyValueSpec>();
    surveyed::<CounterSpec>();
    surveyed::<SetSpec>();
    surveyed::<MultiValueSpec>();
    checked(RegisterSpec);
    checked(KeyValueSpec);
    checked(CounterSpec);
    checked(SetSpec);
    checked(QueueSpec);
}

fn surveyed<O: Workload + 'static>() {
    let survey: Survey<O> = take("");
    black_box((survey.timeline(), survey.counterexample().is_some(), survey.runs().len()));
    black_box(surveys(&[("", &survey)], &[]));
}

fn checked<S: Specification + 'static>(specification: S)
where
    S::Call: 'static,
    S::Reply: 'static,
{
    let history: History<S::Call, S::Reply> = take("");
    let checker = Checker::new();
    black_box(checker.check(&specification, &history));
    black_box(checker.conflict(&specification, &history));
    black_box(history.timeline(&specification, ""));
}

fn frames() -> Result<(), PolarsError> {
    let frame = df!(
        "a" => [1i32, 2], "b" => [1i64, 2], "c" => [1u32, 2], "d" => [1u64, 2], "e" => [1.0f64, 2.0],
        "f" => ["x", "y"], "g" => [true, false],
    )?;
    let owned = df!(
        "a" => vec![1i32], "b" => vec![1i64], "c" => vec![1u32], "d" => vec![1u64], "e" => vec![1.0f64],
        "f" => vec!["x"], "g" => vec![true], "h" => vec![String::new()],
    )?;
    let borrowed = df!(
        "a" => &vec![1i32], "b" => &vec![1i64], "d" => &vec![1u64], "e" => &vec![1.0f64],
        "i" => &[1.0f64][..], "j" => &[1i64][..], "k" => &[1u64][..],
    )?;
    for count in [3, 4] {
        black_box(df!("a" => [1i64, 2, 3], "b" => [1.0f64, 2.0, 3.0])?.head(Some(count)));
        black_box(df!("a" => [1i64, 2, 3, 4], "b" => [1.0f64, 2.0, 3.0, 4.0])?.head(Some(count)));
        black_box(df!("a" => [1i32, 2, 3], "f" => ["x", "y", "z"])?.head(Some(count)));
    }
    black_box(format!("{frame} {frame:?} {owned} {borrowed:?}"));
    let column = frame.column("e")?;
    black_box((
        column.f64()?.sum(),
        column.f64()?.mean(),
        column.f64()?.max(),
        column.f64()?.min(),
    ));
    black_box(column.f64()?.into_no_null_iter().collect::<Vec<f64>>());
    black_box(frame.column("b")?.i64()?.into_no_null_iter().collect::<Vec<i64>>());
    black_box(frame.column("d")?.u64()?.into_no_null_iter().collect::<Vec<u64>>());
    let _ = black_box((Series::new("s".into(), vec![1.0f64]), Series::new("s".into(), [1i64, 2])));
    black_box(frame.select(["a", "b"])?.sort(["a"], SortMultipleOptions::default())?);
    black_box((frame.height(), frame.width()));
    let unwraps: [fn(PolarsResult<DataFrame>) -> DataFrame; 2] =
        [PolarsResult::unwrap, |result| result.expect("")];
    black_box(unwraps);
    Ok(())
}

fn queries() -> Result<(), PolarsError> {
    let lazy = DataFrame::default().lazy();
    let filtered = lazy
        .clone()
        .filter(col("a").gt(lit(1i64)).and(col("b").lt(lit(1.0f64))).or(col("c").eq(lit(1i32))))
        .filter(col("a").gt_eq(lit(1)).and(col("b").lt_eq(lit(2u64))).and(col("f").neq(lit("x"))))
        .with_columns([col("a")])
        .with_columns([col("a"), col("b")])
        .with_column(col("b").alias("c"))
        .select([col("a")])
        .select([col("a"), col("b")])
        .select([col("a"), col("b"), col("c")]);
    let grouped = filtered
        .group_by([col("a")])
        .agg([col("b").mean().alias("m")])
        .group_by([col("a"), col("b")])
        .agg([col("b").sum().alias("s"), col("b").quantile(lit(0.9), QuantileMethod::Linear)])
        .group_by([col("a")])
        .agg([col("b").min().alias("x"), col("b").max().alias("y"), col("b").count().alias("z")])
        .sort(["a"], SortMultipleOptions::default())
        .sort(["a", "b"], Default::default())
        .limit(3);
    let joined = grouped.clone().join(lazy, [col("a")], [col("a")], JoinArgs::new(JoinType::Inner));
    black_box((grouped.collect()?, joined.collect()?));
    Ok(())
}

/// A drawing by plotters alone, into text and into pixels.
fn drawing() -> Result<(), Box<dyn Error>> {
    let mut text = String::new();
    draw(plotters::backend::SVGBackend::with_string(&mut text, (9, 9)))?;
    let mut pixels = vec![0; 3 * 81];
    draw(plotters::backend::BitMapBackend::with_buffer(&mut pixels, (9, 9)))?;
    black_box((text, pixels));
    Ok(())
}

fn draw<B: plotters::prelude::DrawingBackend>(backend: B) -> Result<(), Box<dyn Error>>
where
    B::ErrorType: 'static,
{
    use plotters::prelude::*;
    let root = backend.into_drawing_area();
    root.fill(&WHITE)?;
    let halves = root.split_evenly((1, 2));
    black_box(halves.len());
    let mut chart = ChartBuilder::on(&root)
        .caption("c", ("sans-serif", 20))
        .margin(5)
        .x_label_area_size(30)
        .y_label_area_size(30)
        .build_cartesian_2d(0f64..1f64, 0f64..1f64)?;
    chart.configure_mesh().x_desc("x").y_desc("y").draw()?;
    let points = [(0.0, 0.0), (1.0, 1.0)];
    chart
        .draw_series(LineSeries::new(points, &RED))?
        .label("l")
        .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], RED));
    chart.draw_series(LineSeries::new(points.to_vec(), &BLUE))?;
    chart.draw_series(LineSeries::new(points.to_vec(), BLUE.stroke_width(2)))?;
    chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, RED.filled())))?;
    chart.draw_series(
        points.iter().map(|(x, y)| Rectangle::new([(*x, 0.0), (*x, *y)], BLUE.filled())),
    )?;
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).border_style(BLACK).draw()?;
    root.present()?;
    Ok(())
}
