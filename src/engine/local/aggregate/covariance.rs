//! `covariance`, of a sample and of a population. A row counts where both values are there.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};

use super::super::column::{Result, Vector, internal};
use super::{Accumulator, same};

/// Count, both means, and the sum of products from the means.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: f64,
    x: f64,
    y: f64,
    products: f64,
}

#[derive(Debug)]
pub struct Covariance {
    sample: bool,
    moments: Vec<Moments>,
}

impl Covariance {
    pub fn new(sample: bool) -> Self {
        Self { sample, moments: Vec::new() }
    }
}

impl Accumulator for Covariance {
    fn update(&mut self, groups: &[u32], count: usize, args: &[Vector]) -> Result<()> {
        self.moments.resize(count, Moments::default());
        let [x, y] = args else { return Err(internal("covariance of other than two")) };
        let (x, y) = (x.reals()?, y.reals()?);
        for (i, g) in groups.iter().enumerate() {
            if let Some((x, y)) = x.get(i).zip(y.get(i)) {
                let m = &mut self.moments[*g as usize];
                m.count += 1.0;
                let from_mean = x - m.x;
                m.x += from_mean / m.count;
                m.y += (y - m.y) / m.count;
                m.products += from_mean * (y - m.y);
            }
        }
        Ok(())
    }

    fn merge(&mut self, other: Box<dyn Accumulator>, mapping: &[u32], count: usize) -> Result<()> {
        self.moments.resize(count, Moments::default());
        for (theirs, to) in same::<Self>(other)?.moments.into_iter().zip(mapping) {
            if theirs.count == 0.0 {
                continue;
            }
            let mine = &mut self.moments[*to as usize];
            let total = mine.count + theirs.count;
            let (dx, dy) = (theirs.x - mine.x, theirs.y - mine.y);
            mine.products += theirs.products + dx * dy * mine.count * theirs.count / total;
            mine.x += dx * theirs.count / total;
            mine.y += dy * theirs.count / total;
            mine.count = total;
        }
        Ok(())
    }

    fn finish(&mut self, count: usize) -> Result<ArrayRef> {
        self.moments.resize(count, Moments::default());
        let value = |m: &Moments| {
            let by = if self.sample { m.count - 1.0 } else { m.count };
            if by > 0.0 { m.products / by } else { 0.0 }
        };
        Ok(Arc::new(Float64Array::from(self.moments.iter().map(value).collect::<Vec<_>>())))
    }

    fn bytes(&self) -> u64 {
        (self.moments.capacity() * size_of::<Moments>()) as u64
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_halves_give_what_the_whole_gives() {
        let reals = |values: &[f64]| Vector::Array(Arc::new(Float64Array::from(values.to_vec())));
        let (x, y) = ([1.0, 2.0, 4.0, 8.0, 9.0], [3.0, 1.0, 7.0, 2.0, 11.0]);
        let mut whole = Covariance::new(true);
        whole.update(&[0; 5], 1, &[reals(&x), reals(&y)]).unwrap();
        let (mut one, mut two) = (Covariance::new(true), Covariance::new(true));
        one.update(&[0; 2], 1, &[reals(&x[..2]), reals(&y[..2])]).unwrap();
        two.update(&[0; 3], 1, &[reals(&x[2..]), reals(&y[2..])]).unwrap();
        one.merge(Box::new(two), &[0], 1).unwrap();
        let value = |c: &mut Covariance| Vector::Array(c.finish(1).unwrap()).reals().unwrap().get(0).unwrap();
        assert!((value(&mut whole) - value(&mut one)).abs() < 1e-12);
        assert!((value(&mut whole) - 8.2).abs() < 1e-12);
    }
}
