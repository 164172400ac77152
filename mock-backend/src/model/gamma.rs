//! The gamma distribution's quantiles, which have no closed form: the regularized incomplete gamma function, inverted.

/// The value below which the share `q` of a gamma distribution of this shape and scale 1 lies.
pub(crate) fn quantile(shape: f64, q: f64) -> f64 {
    let q = q.clamp(1e-12, 1.0 - 1e-12);
    let (mut low, mut high) = (0.0, shape.max(1.0));
    while below(shape, high) < q {
        (low, high) = (high, high * 2.0);
    }
    // Each step halves the interval: after 60 of them it is as narrow as a double can tell.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if below(shape, middle) < q { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The share of a gamma distribution of this shape and scale 1 that lies below `x`: by its power series near 0, by
/// Lentz's continued fraction beyond (Numerical Recipes, 6.2).
fn below(shape: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let front = (shape * x.ln() - x - ln_gamma(shape)).exp();
    if x < shape + 1.0 { front * series(shape, x) } else { 1.0 - front * fraction(shape, x) }
}

fn series(shape: f64, x: f64) -> f64 {
    let mut term = 1.0 / shape;
    let mut sum = term;
    let mut n = shape;
    while term > sum * 1e-15 {
        n += 1.0;
        term *= x / n;
        sum += term;
    }
    sum
}

fn fraction(shape: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut b = x + 1.0 - shape;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / away(b);
    let mut all = d;
    for i in 1..10_000 {
        let n = f64::from(i);
        let a = n * (shape - n);
        b += 2.0;
        d = 1.0 / away(a * d + b);
        c = away(b + a / c);
        all *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    all
}

/// The logarithm of the gamma function, by Lanczos' approximation (g = 7, nine terms).
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let sum = TERMS.iter().zip(1..).fold(0.999_999_999_999_809_9, |sum, (term, i)| sum + term / (x + f64::from(i)));
    let t = x + 7.5;
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_published_tables() {
        // A gamma of shape k/2 and scale 2 is a chi square with k degrees of freedom; shape 1 is an exponential.
        let table = [
            (0.5, 0.95, 3.841_459 / 2.0),
            (1.0, 0.5, std::f64::consts::LN_2),
            (1.0, 0.99, 100f64.ln()),
            (5.0, 0.95, 18.307_038 / 2.0),
            (5.0, 0.5, 9.341_818 / 2.0),
            (50.0, 0.99, 135.806_723 / 2.0),
        ];
        for (shape, q, expected) in table {
            let found = quantile(shape, q);
            assert!((found / expected - 1.0).abs() < 1e-6, "shape {shape} at {q}: {found}, not {expected}");
        }
    }
}
