//! The Fourier transform of any length: by halves where the length is a power of two, else as a convolution of such a length (Bluestein).

use std::f64::consts::PI;

use super::{Numbers, Out};
use crate::engine::local::column::{Result, Vector};
use crate::engine::local::functions::{Call, Eval};

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "fft" => |c| transformed(c, false),
        "ifft" => |c| transformed(c, true),
        _ => return None,
    })
}

fn transformed(call: &Call<'_>, inverse: bool) -> Result<Vector> {
    let imaginary = if call.args.len() > 1 { Some(call.texts(1)?) } else { None };
    super::over(call, |i, real| {
        let mut re = real.finite()?;
        let mut im = match imaginary.and_then(|texts| texts.get(i)) {
            Some(text) => Numbers::of(text)?.finite()?,
            None => vec![0.0; re.len()],
        };
        if im.len() != re.len() {
            return None;
        }
        // The inverse is the transform with the parts changed about.
        if inverse {
            fft(&mut im, &mut re);
            let n = re.len() as f64;
            re.iter_mut().chain(&mut im).for_each(|v| *v /= n);
        } else {
            fft(&mut re, &mut im);
        }
        Some(Out::List(vec![Out::reals(re), Out::reals(im)]))
    })
}

/// In place.
pub(super) fn fft(re: &mut [f64], im: &mut [f64]) {
    let n = re.len();
    if n < 2 {
        return;
    }
    if n.is_power_of_two() { halves(re, im) } else { bluestein(re, im) }
}

fn halves(re: &mut [f64], im: &mut [f64]) {
    let n = re.len();
    let bits = n.trailing_zeros();
    for i in 0..n {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            re.swap(i, j);
            im.swap(i, j);
        }
    }
    let mut size = 2;
    while size <= n {
        let half = size / 2;
        for k in 0..half {
            let (sin, cos) = (-2.0 * PI * k as f64 / size as f64).sin_cos();
            for a in (k..n).step_by(size) {
                let b = a + half;
                let (x, y) = (re[b] * cos - im[b] * sin, re[b] * sin + im[b] * cos);
                (re[b], im[b]) = (re[a] - x, im[a] - y);
                (re[a], im[a]) = (re[a] + x, im[a] + y);
            }
        }
        size *= 2;
    }
}

fn bluestein(re: &mut [f64], im: &mut [f64]) {
    let n = re.len();
    let size = (2 * n - 1).next_power_of_two();
    // The angle of k² is taken modulo the circle before it is a real, which keeps its digits.
    let angle = |k: usize| PI * ((k * k) % (2 * n)) as f64 / n as f64;
    let (mut ar, mut ai) = (vec![0.0; size], vec![0.0; size]);
    let (mut br, mut bi) = (vec![0.0; size], vec![0.0; size]);
    for k in 0..n {
        let (sin, cos) = angle(k).sin_cos();
        ar[k] = re[k] * cos + im[k] * sin;
        ai[k] = im[k] * cos - re[k] * sin;
        (br[k], bi[k]) = (cos, sin);
        if k > 0 {
            (br[size - k], bi[size - k]) = (cos, sin);
        }
    }
    halves(&mut ar, &mut ai);
    halves(&mut br, &mut bi);
    for k in 0..size {
        (ar[k], ai[k]) = (ar[k] * br[k] - ai[k] * bi[k], ar[k] * bi[k] + ai[k] * br[k]);
    }
    halves(&mut ai, &mut ar);
    for k in 0..n {
        let (sin, cos) = angle(k).sin_cos();
        let (x, y) = (ar[k] / size as f64, ai[k] / size as f64);
        re[k] = x * cos + y * sin;
        im[k] = y * cos - x * sin;
    }
}
