//! What is allowed of the parameters, told in a sentence.

/// A series that has values, all of them finite.
#[track_caller]
pub(super) fn series(place: &str, what: &str, values: &[f64], least: usize) {
    assert!(
        values.len() >= least,
        "{place}: the {what} must have at least {least} values, but it has {}; give a longer one",
        values.len()
    );
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        panic!(
            "{place}: each value of the {what} must be a finite number, but number {at} is {}; \
             leave it out or fill it in",
            values[at]
        );
    }
}

/// A number between two others, both allowed.
#[track_caller]
pub(super) fn within(place: &str, what: &str, value: f64, low: f64, high: f64) -> f64 {
    assert!(
        (low..=high).contains(&value),
        "{place}: the {what} must be a number from {low} to {high}, but it is {value}"
    );
    value
}

/// A number of at least 0.
#[track_caller]
pub(super) fn not_negative(place: &str, what: &str, value: f64) -> f64 {
    assert!(
        value >= 0.0 && value.is_finite(),
        "{place}: the {what} must be a number of at least 0, but it is {value}"
    );
    value
}

/// A count of at least so many.
#[track_caller]
pub(super) fn at_least(place: &str, what: &str, count: usize, least: usize) -> usize {
    assert!(count >= least, "{place}: the {what} must be at least {least}, but there are {count}");
    count
}

/// Enough replications for an interval.
#[track_caller]
pub(super) fn several(place: &str, replications: usize) {
    assert!(
        replications >= 2,
        "{place}: an interval needs at least 2 replications, but there are {replications}"
    );
}
