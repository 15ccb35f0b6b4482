//! Progress of what runs long, as a bar under the cell: one output, updated, that ends as
//! the plain count of what was done. Only where somebody looks on: whether a run takes a
//! second depends on the machine, and a notebook that is executed for its outputs is to
//! have the same tomorrow.

use pillars_kernel::{CellIo, Media};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What a cell tells of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The output's id.
    pub id: String,
    /// What the steps are; may be empty.
    pub label: String,
    /// Steps that are done; a part of one, if that is known.
    pub done: f64,
    /// Steps in all, if that is known.
    pub total: Option<f64>,
    /// Whether this is the last word.
    pub ended: bool,
}

/// The bars of a cell. One that begins when another has ended takes its place: a cell that
/// simulates ten queues in a row is to leave one line and not ten.
#[derive(Default)]
pub struct Bars {
    bars: BTreeMap<String, Bar>,
    /// The output of one that has ended.
    free: Option<String>,
}

struct Bar {
    first: Instant,
    done: f64,
    /// The id of the output that it is shown in.
    output: String,
}

impl Bars {
    /// Shows what is told.
    pub fn show(&mut self, told: &Told, io: &dyn CellIo) {
        let now = Instant::now();
        match self.bars.get(&told.id) {
            None if told.ended => {}
            None => {
                let output = match self.free.take() {
                    Some(output) => {
                        io.update(media(told, None), &output);
                        output
                    }
                    None => {
                        io.display(media(told, None), Some(&told.id));
                        told.id.clone()
                    }
                };
                self.bars.insert(told.id.clone(), Bar { first: now, done: told.done, output });
            }
            Some(bar) => {
                let (steps, time) = (told.done - bar.done, now - bar.first);
                let rate = (steps > 0.0).then(|| steps / time.as_secs_f64());
                io.update(media(told, rate.filter(|_| !told.ended)), &bar.output);
                if told.ended {
                    self.free = self.bars.remove(&told.id).map(|bar| bar.output);
                }
            }
        }
    }
}

/// The bar, and the same in words; `rate` in steps a second.
fn media(told: &Told, rate: Option<f64>) -> Media {
    let words = words(told, rate);
    let Some(total) = told.total.filter(|_| !told.ended) else { return Media::plain(words) };
    let html = format!(
        "<progress value=\"{:.4}\" max=\"1\" style=\"width:16em;vertical-align:middle\"></progress> {}",
        told.done / total.max(f64::MIN_POSITIVE),
        words.replace('&', "&amp;").replace('<', "&lt;")
    );
    Media::plain(words).with("text/html", html)
}

fn words(told: &Told, rate: Option<f64>) -> String {
    let Told { label, done, total, ended, .. } = told;
    let done_steps = done.floor();
    let mut words = match total {
        Some(total) if *ended => format!("{done_steps} of {total}"),
        Some(total) => {
            let share = (100.0 * done / total.max(f64::MIN_POSITIVE)).floor();
            format!("{share} % · {done_steps} of {total}")
        }
        None => format!("{done_steps}"),
    };
    if !label.is_empty() {
        words.push_str(&format!(" {label}"));
    }
    if let Some(rate) = rate {
        words.push_str(&format!(" · {}", per_second(rate)));
        if let Some(total) = total {
            let left = Duration::from_secs_f64(((total - done) / rate).clamp(0.0, 1e9));
            words.push_str(&format!(" · {} left", time(left)));
        }
    }
    words
}

fn per_second(rate: f64) -> String {
    match rate {
        rate if rate >= 100.0 => format!("{rate:.0} a second"),
        rate if rate >= 1.0 => format!("{rate:.1} a second"),
        rate => format!("{:.1} s each", 1.0 / rate),
    }
}

fn time(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pillars_kernel::CellError;
    use std::sync::Mutex;

    /// Notes which outputs are made, and which are changed.
    #[derive(Default)]
    struct Screen(Mutex<Vec<String>>);

    impl CellIo for Screen {
        fn stdout(&self, _: &str) {}
        fn stderr(&self, _: &str) {}
        fn display(&self, _: Media, id: Option<&str>) {
            self.0.lock().unwrap().push(format!("makes {}", id.unwrap_or_default()));
        }
        fn update(&self, _: Media, id: &str) {
            self.0.lock().unwrap().push(format!("changes {id}"));
        }
        fn result(&self, _: Media) {}
        fn page(&self, _: Media) {}
        fn clear(&self, _: bool) {}
        fn input(&self, _: &str, _: bool) -> Result<String, CellError> {
            Ok(String::new())
        }
    }

    #[test]
    fn bars_in_a_row_leave_one_output_and_bars_side_by_side_one_each() {
        let (screen, mut bars) = (Screen::default(), Bars::default());
        let steps = [("a", 1.0), ("a", 2.0), ("b", 1.0), ("c", 1.0), ("c", 2.0), ("b", 2.0)];
        for (id, done) in steps {
            let (id, label, total) = (id.to_owned(), String::new(), Some(2.0));
            bars.show(&Told { id, label, done, total, ended: done == 2.0 }, &screen);
        }
        let noted = screen.0.into_inner().unwrap();
        let expected = ["makes a", "changes a", "changes a", "makes c", "changes c", "changes a"];
        assert_eq!(noted, expected);
    }

    #[test]
    fn a_bar_says_how_far_how_fast_and_how_long_and_at_its_end_only_how_much() {
        let told = |label: &str, done, total, ended| Told {
            id: "1.0".to_owned(),
            label: label.to_owned(),
            done,
            total,
            ended,
        };
        let cases = [
            (told("", 0.0, Some(10.0), false), None, "0 % · 0 of 10"),
            (
                told("points", 2.5, Some(10.0), false),
                Some(0.5),
                "25 % · 2 of 10 points · 2.0 s each · 15 s left",
            ),
            (
                told("", 100.0, Some(400.0), false),
                Some(1.5),
                "25 % · 100 of 400 · 1.5 a second · 3 min 20 s left",
            ),
            (
                told("", 100.0, Some(1e6), false),
                Some(100.0),
                "0 % · 100 of 1000000 · 100 a second · 2 h 46 min left",
            ),
            (told("", 7.0, None, false), Some(7.0), "7 · 7.0 a second"),
            (told("points", 10.0, Some(10.0), true), None, "10 of 10 points"),
            (told("", 0.0, Some(0.0), false), None, "0 % · 0 of 0"),
        ];
        for (told, rate, expected) in cases {
            assert_eq!(words(&told, rate), expected);
        }
    }
}
