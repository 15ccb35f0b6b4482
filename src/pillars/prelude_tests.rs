//! Cells as readers write them: the prelude by glob, everything else their own.

// As the engine writes it around a cell.
use crate as pillars;
use pillars::prelude::*;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[test]
fn frames_are_asked_and_shown() -> Outcome {
    let frame = df!("queue" => ["a", "b", "a"], "wait" => [1.0, 2.0, 4.0])?;
    let means = frame
        .lazy()
        .filter(col("wait").gt(lit(0.5)))
        .group_by([col("queue")])
        .agg([col("wait").mean().alias("mean"), len().alias("n")])
        .sort(["queue"], Default::default())
        .collect()?;
    let text = means.bundle();
    assert_eq!(
        text.text("text/plain"),
        Some("queue   mean  n\n─────  ─────  ─\na      2.500  2\nb      2.000  1")
    );
    Ok(())
}

#[test]
fn records_of_a_queue_are_a_frame() -> Outcome {
    let seen = Queue::mm1(0.8, 1.0).observe(2_000, 1).frame();
    let waits =
        seen.lazy().filter(col("wait").gt(lit(0.0))).select([col("wait").mean()]).collect()?;
    // Those who wait at all wait 1 / (1 - ρ) = 5 on average; a short run is far off.
    assert!((1.0..20.0).contains(&Table::from(waits).column("wait")[0]));
    Ok(())
}

#[test]
fn readers_draw_with_plotters_too() -> Outcome {
    use plotters::prelude::*;
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (300, 200)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart =
            ChartBuilder::on(&area).margin(10).build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
        chart.draw_series(LineSeries::new([(0.0, 0.0), (1.0, 1.0)], &RED))?;
        chart.draw_series([Circle::new((0.5, 0.5), 4, BLUE.filled())])?;
        area.present()?;
    }
    assert!(svg.contains("<svg") && svg.contains("<circle"));
    struct Figure(String);
    impl Rich for Figure {
        fn bundle(&self) -> Bundle {
            Bundle::plain("a line").with("image/svg+xml", self.0.as_str())
        }
    }
    display(Figure(svg));
    Ok(())
}

#[test]
fn readers_names_win_over_the_preludes() {
    fn sweep(rho: f64) -> f64 {
        rho / (1.0 - rho)
    }
    struct Table(f64);
    let (col, display) = (Table(sweep(0.5)), 2);
    assert_eq!((col.0, display), (1.0, 2));
    let all: Vec<f64> = vec![1.0, 2.0].into_iter().map(|x| x + 1.0).collect();
    assert_eq!(all.iter().copied().fold(0.0, f64::max), 3.0);
    let found: Result<u8, std::num::ParseIntError> = "7".parse::<u8>();
    assert_eq!(found.map(Some), Ok(Some(7)));
}
