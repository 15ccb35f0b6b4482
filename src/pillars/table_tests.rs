//! Tests of tables, apart to keep that file short.

use super::*;
use polars::prelude::df;

fn html(value: &dyn Rich) -> String {
    value.bundle().text("text/html").unwrap().to_owned()
}

#[test]
fn a_table_in_both_forms() {
    let table =
        Table::new("waits").texts("queue", &["M/M/1", "M/M/4"]).numbers("Wq", &[4.0, 0.746]);
    assert_eq!(
        table.bundle().text("text/plain"),
        Some("waits\nqueue     Wq\n─────  ─────\nM/M/1  4.000\nM/M/4  0.746")
    );
    let html = html(&table);
    for part in [
        "<caption",
        "<th scope=\"col\" style=\"text-align:right",
        "font-weight:normal\">M/M/1</th>",
        ">0.746</td>",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
    assert!(!html.contains("color:") && !html.contains("<style"), "themes decide: {html}");
}

#[test]
fn long_tables_say_what_they_leave_out() {
    let values: Vec<f64> = (0..1000).map(f64::from).collect();
    let table = Table::new("").numbers("n", &values);
    let html = html(&table);
    assert_eq!(html.matches("<tr>").count(), 21, "20 rows and the note");
    assert!(html.contains("… 980 of 1,000 rows left out"));
    assert!(table.bundle().text("text/plain").unwrap().ends_with("… 980 of 1,000 rows left out"));
    assert!(!self::html(&table.limit(1000)).contains("left out"));
}

#[test]
fn frames_of_any_kind_are_shown_and_escaped() {
    let frame = df!(
        "<b>\"name\"</b>" => ["a & b", "<script>"],
        "count" => [1i64, 20_000],
        "yes" => [Some(true), None],
    );
    let html = html(&frame.unwrap());
    assert!(html.contains("&lt;b&gt;&quot;name&quot;&lt;/b&gt;"));
    assert!(html.contains("a &amp; b") && html.contains("&lt;script&gt;"));
    assert!(!html.contains("<script") && !html.contains("<b>"));
    assert!(html.contains(">20000</td>") && html.contains(">true</td>") && html.contains(">null<"));
}

#[test]
fn an_empty_table_is_still_a_table() {
    assert!(html(&Table::new("nothing")).contains("<caption"));
    assert_eq!(Table::new("").numbers("n", &[]).rows(), 0);
}

#[test]
fn a_column_of_numbers_is_handed_back() {
    let table = Table::new("").counts("n", &[1, 2]).numbers("x", &[0.5, 1.5]);
    assert_eq!((table.column("n"), table.column("x")), (vec![1.0, 2.0], vec![0.5, 1.5]));
}

#[test]
#[should_panic(expected = "there is no column `y`; there is n, x")]
fn a_missing_column() {
    Table::new("").counts("n", &[1, 2]).numbers("x", &[0.5, 1.5]).column("y");
}

#[test]
#[should_panic(expected = "`s` holds str, not numbers")]
fn a_column_of_texts_is_not_numbers() {
    Table::new("").texts("s", &["1"]).column("s");
}

#[test]
#[should_panic(expected = "the column `b` has 1 rows, but those before it have 2")]
fn columns_are_equally_long() {
    let _ = Table::new("").numbers("a", &[1.0, 2.0]).numbers("b", &[1.0]);
}

#[test]
#[should_panic(expected = "two columns called `a`")]
fn columns_have_names_of_their_own() {
    let _ = Table::new("").numbers("a", &[1.0]).numbers("a", &[2.0]);
}
