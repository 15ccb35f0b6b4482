//! Integrals of what may be steep.

/// The integral over (0, 1) of what may be steep at the ends but stays between 0 and 1: the
/// trapezoidal rule after x = 1 / (1 + e^(-pi sinh t)) (tanh-sinh; Takahasi and Mori, 1974).
pub(crate) fn integral(f: impl Fn(f64) -> f64) -> f64 {
    const STEP: f64 = 1.0 / 64.0;
    const STEPS: i32 = 4 * 64;
    let point = |i: i32| {
        let t = f64::from(i) * STEP;
        let x = 1.0 / (1.0 + (-std::f64::consts::PI * t.sinh()).exp());
        let slope = std::f64::consts::PI * t.cosh() * x * (1.0 - x);
        if slope > 0.0 && x > 0.0 && x < 1.0 { f(x) * slope } else { 0.0 }
    };
    STEP * (-STEPS..=STEPS).map(point).sum::<f64>()
}
