//! Functions of mathematics and statistics beyond the elementary: gamma, error and beta functions, Welch's test.

use super::{Call, Eval};
use crate::engine::local::column::{Result, Vector};

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "gamma" => |c| real(c, gamma),
        "loggamma" => |c| real(c, log_gamma),
        "erf" => |c| real(c, erf),
        "erfc" => |c| real(c, |x| 1.0 - erf(x)),
        "beta_cdf" => |c| {
            beta(c, |x, a, b| {
                let defined = (0.0..=1.0).contains(&x) && a <= LARGEST_SHAPE && b <= LARGEST_SHAPE;
                if defined { beta_cdf(x, a, b) } else { Some(f64::NAN) }
            })
        },
        "beta_inv" => |c| beta(c, beta_inverse),
        "beta_pdf" => |c| beta(c, |x, a, b| Some(beta_density(x, a, b))),
        "welch_test" => |c| {
            let n = (0..6).map(|k| c.number(k)).collect::<Result<Vec<_>>>()?;
            Ok(c.give_reals(|i| {
                let one = (n[0].get(i)?, n[1].get(i)?, n[2].get(i)?);
                Some(welch(one, (n[3].get(i)?, n[4].get(i)?, n[5].get(i)?)))
            }))
        },
        _ => return None,
    })
}

/// Above this Kusto gives no cumulative distribution.
const LARGEST_SHAPE: f64 = 10_000.0;

fn real(call: &Call<'_>, f: impl Fn(f64) -> f64) -> Result<Vector> {
    let a = call.number(0)?;
    Ok(call.give_reals(|i| a.get(i).map(&f)))
}

/// A function of a value and the two parameters of a beta distribution: NaN where these make none.
fn beta(call: &Call<'_>, f: impl Fn(f64, f64, f64) -> Option<f64>) -> Result<Vector> {
    let (x, a, b) = (call.number(0)?, call.number(1)?, call.number(2)?);
    Ok(call.give_reals(|i| {
        let (x, a, b) = (x.get(i)?, a.get(i)?, b.get(i)?);
        if a > 0.0 && b > 0.0 && !x.is_nan() { f(x, a, b) } else { Some(f64::NAN) }
    }))
}

/// Lanczos' approximation, g = 7, nine terms: fifteen digits.
const LANCZOS: [f64; 9] = [
    0.999_999_999_999_809_9,
    676.520_368_121_885_1,
    -1_259.139_216_722_402_8,
    771.323_428_777_653_1,
    -176.615_029_162_140_6,
    12.507_343_278_686_905,
    -0.138_571_095_265_720_12,
    9.984_369_578_019_572e-6,
    1.505_632_735_149_311_6e-7,
];

fn lanczos(x: f64) -> (f64, f64) {
    let sum = LANCZOS.iter().enumerate().skip(1).fold(LANCZOS[0], |sum, (n, c)| sum + c / (x + n as f64));
    (sum, x + 7.5)
}

/// The gamma function; of whole numbers exactly the factorial, at its poles NaN.
fn gamma(x: f64) -> f64 {
    if x.fract() == 0.0 && x > 0.0 && x <= 171.0 {
        return (1..x as u32).map(f64::from).product();
    }
    if x <= 0.0 && x.fract() == 0.0 {
        return f64::NAN;
    }
    if x < 0.5 {
        // Reflected at one half.
        return std::f64::consts::PI / ((std::f64::consts::PI * x).sin() * gamma(1.0 - x));
    }
    let (sum, t) = lanczos(x - 1.0);
    // The power in two halves: whole it overflows before the exponential brings it back.
    let half = t.powf((x - 0.5) / 2.0);
    std::f64::consts::TAU.sqrt() * half * (-t).exp() * sum * half
}

/// The logarithm of the gamma function's absolute value.
fn log_gamma(x: f64) -> f64 {
    if x <= 0.0 && x.fract() == 0.0 {
        return f64::INFINITY;
    }
    if x.fract() == 0.0 && x <= 171.0 {
        return gamma(x).ln();
    }
    if x < 0.5 {
        let reflected = (std::f64::consts::PI * x).sin().abs();
        return std::f64::consts::PI.ln() - reflected.ln() - log_gamma(1.0 - x);
    }
    let (sum, t) = lanczos(x - 1.0);
    0.5 * std::f64::consts::TAU.ln() + (x - 0.5) * t.ln() - t + sum.ln()
}

/// The error function: its series near zero, the continued fraction of its complement beyond.
fn erf(x: f64) -> f64 {
    let a = x.abs();
    if a.is_nan() {
        return f64::NAN;
    }
    let value = if a < 2.5 {
        let (mut term, mut sum, mut n) = (a, a, 0.0);
        while term.abs() > sum.abs() * 1e-17 && n < 200.0 {
            n += 1.0;
            term *= -a * a / n;
            sum += term / (2.0 * n + 1.0);
        }
        sum * std::f64::consts::FRAC_2_SQRT_PI
    } else if a > 6.5 {
        1.0
    } else {
        let fraction = (1..=120).rev().fold(0.0, |f, n| f64::from(n) / 2.0 / (a + f));
        1.0 - (-a * a).exp() / ((a + fraction) * std::f64::consts::PI.sqrt())
    };
    value.copysign(x)
}

fn log_beta(a: f64, b: f64) -> f64 {
    log_gamma(a) + log_gamma(b) - log_gamma(a + b)
}

/// Lentz's continued fraction of the incomplete beta function.
#[allow(clippy::many_single_char_names)] // the formula's own names
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guard = |n: f64| if n.abs() < TINY { TINY } else { n };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut h = d;
    for m in 1..=500 {
        let m = f64::from(m);
        for term in [
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        ] {
            d = 1.0 / guard(1.0 + term * d);
            c = guard(1.0 + term / c);
            h *= d * c;
        }
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    h
}

/// The regularised incomplete beta function; null where the parameters make no distribution.
fn beta_cdf(x: f64, a: f64, b: f64) -> Option<f64> {
    if a <= 0.0 || b <= 0.0 || x.is_nan() {
        return None;
    }
    if x <= 0.0 || x >= 1.0 {
        return Some(if x <= 0.0 { 0.0 } else { 1.0 });
    }
    let front = (a * x.ln() + b * (-x).ln_1p() - log_beta(a, b)).exp();
    Some(if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(x, a, b) / a
    } else {
        1.0 - front * beta_fraction(1.0 - x, b, a) / b
    })
}

/// The density; NaN outside of 0 to 1.
fn beta_density(x: f64, a: f64, b: f64) -> f64 {
    if !(0.0..=1.0).contains(&x) {
        return f64::NAN;
    }
    ((a - 1.0) * x.ln() + (b - 1.0) * (-x).ln_1p() - log_beta(a, b)).exp()
}

/// Where the distribution reaches a probability, null for what is none: halving, which cannot fail on a function that only rises.
fn beta_inverse(p: f64, a: f64, b: f64) -> Option<f64> {
    if a <= 0.0 || b <= 0.0 || !(0.0..=1.0).contains(&p) {
        return None;
    }
    if p == 0.0 || p >= 1.0 {
        return Some(p);
    }
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if beta_cdf(middle, a, b)? < p { low = middle } else { high = middle }
    }
    Some(f64::midpoint(low, high))
}

/// The two-sided p-value of Welch's t-test over (mean, variance, count) of two samples.
fn welch(one: (f64, f64, f64), two: (f64, f64, f64)) -> f64 {
    let (s1, s2) = (one.1 / one.2, two.1 / two.2);
    let t = (one.0 - two.0) / (s1 + s2).sqrt();
    let freedom = (s1 + s2).powi(2) / (s1 * s1 / (one.2 - 1.0) + s2 * s2 / (two.2 - 1.0));
    beta_cdf(freedom / (freedom + t * t), freedom / 2.0, 0.5).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, want: f64) {
        assert!((got - want).abs() <= want.abs() * 1e-12 + 1e-15, "{got}, {want} wanted");
    }

    #[test]
    fn gamma_is_the_factorial_between_whole_numbers_too() {
        near(gamma(6.0), 120.0);
        near(gamma(0.5), std::f64::consts::PI.sqrt());
        near(gamma(-1.5), 4.0 / 3.0 * std::f64::consts::PI.sqrt());
        near(log_gamma(7.0), 720_f64.ln());
        near(log_gamma(0.5), std::f64::consts::PI.sqrt().ln());
        assert!(gamma(-2.0).is_nan());
    }

    #[test]
    fn the_error_function_is_odd_and_ends_at_one() {
        near(erf(0.5), 0.520_499_877_813_046_5);
        near(erf(1.0), 0.842_700_792_949_714_9);
        near(erf(3.0), 0.999_977_909_503_001_4);
        near(erf(-1.0), -erf(1.0));
        near(erf(9.0), 1.0);
    }

    #[test]
    fn the_beta_distribution_and_its_inverse_agree() {
        // Of (1, 1) the distribution is uniform, of (2, 2) it is 3x² - 2x³.
        near(beta_cdf(0.3, 1.0, 1.0).unwrap(), 0.3);
        near(beta_cdf(0.25, 2.0, 2.0).unwrap(), 3.0 * 0.0625 - 2.0 * 0.015_625);
        near(beta_density(0.25, 2.0, 2.0), 6.0 * 0.25 * 0.75);
        let x = beta_inverse(0.7, 3.0, 5.5).unwrap();
        near(beta_cdf(x, 3.0, 5.5).unwrap(), 0.7);
        assert_eq!(beta_cdf(0.5, -1.0, 2.0), None);
        assert_eq!(beta_inverse(1.5, 1.0, 2.0), None);
    }

    #[test]
    fn equal_samples_cannot_be_told_apart() {
        near(welch((5.0, 2.0, 10.0), (5.0, 2.0, 10.0)), 1.0);
        assert!(welch((5.0, 1.0, 30.0), (9.0, 1.0, 30.0)) < 1e-12);
    }
}
