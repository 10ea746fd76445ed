//! The text of a real as Kusto writes it: Loitsch's Grisu2 ("Printing Floating-Point Numbers Quickly and Accurately with Integers", 2010) in the form
//! of the JSON writer that the engine of Kusto is built with. The digits always read back as the same real and are nearly always the fewest; where
//! seventeen are needed the last one is not the nearest: 0.1 + 0.2 is written 0.30000000000000007.

use std::fmt::Write as _;

/// Significands of the powers of ten from 10^-348 in steps of eight, rounded to 64 bits.
#[rustfmt::skip]
const POWERS: [u64; 87] = [
    0xFA8F_D5A0_081C_0288, 0xBAAE_E17F_A23E_BF76, 0x8B16_FB20_3055_AC76, 0xCF42_894A_5DCE_35EA, 0x9A6B_B0AA_5565_3B2D,
    0xE61A_CF03_3D1A_45DF, 0xAB70_FE17_C79A_C6CA, 0xFF77_B1FC_BEBC_DC4F, 0xBE56_91EF_416B_D60C, 0x8DD0_1FAD_907F_FC3C,
    0xD351_5C28_3155_9A83, 0x9D71_AC8F_ADA6_C9B5, 0xEA9C_2277_23EE_8BCB, 0xAECC_4991_4078_536D, 0x823C_1279_5DB6_CE57,
    0xC210_9436_4DFB_5637, 0x9096_EA6F_3848_984F, 0xD774_85CB_2582_3AC7, 0xA086_CFCD_97BF_97F4, 0xEF34_0A98_172A_ACE5,
    0xB238_67FB_2A35_B28E, 0x84C8_D4DF_D2C6_3F3B, 0xC5DD_4427_1AD3_CDBA, 0x936B_9FCE_BB25_C996, 0xDBAC_6C24_7D62_A584,
    0xA3AB_6658_0D5F_DAF6, 0xF3E2_F893_DEC3_F126, 0xB5B5_ADA8_AAFF_80B8, 0x8762_5F05_6C7C_4A8B, 0xC9BC_FF60_34C1_3053,
    0x964E_858C_91BA_2655, 0xDFF9_7724_7029_7EBD, 0xA6DF_BD9F_B8E5_B88F, 0xF8A9_5FCF_8874_7D94, 0xB944_7093_8FA8_9BCF,
    0x8A08_F0F8_BF0F_156B, 0xCDB0_2555_6531_31B6, 0x993F_E2C6_D07B_7FAC, 0xE45C_10C4_2A2B_3B06, 0xAA24_2499_6973_92D3,
    0xFD87_B5F2_8300_CA0E, 0xBCE5_0864_9211_1AEB, 0x8CBC_CC09_6F50_88CC, 0xD1B7_1758_E219_652C, 0x9C40_0000_0000_0000,
    0xE8D4_A510_0000_0000, 0xAD78_EBC5_AC62_0000, 0x813F_3978_F894_0984, 0xC097_CE7B_C907_15B3, 0x8F7E_32CE_7BEA_5C70,
    0xD5D2_38A4_ABE9_8068, 0x9F4F_2726_179A_2245, 0xED63_A231_D4C4_FB27, 0xB0DE_6538_8CC8_ADA8, 0x83C7_088E_1AAB_65DB,
    0xC45D_1DF9_4271_1D9A, 0x924D_692C_A61B_E758, 0xDA01_EE64_1A70_8DEA, 0xA26D_A399_9AEF_774A, 0xF209_787B_B47D_6B85,
    0xB454_E4A1_79DD_1877, 0x865B_8692_5B9B_C5C2, 0xC835_53C5_C896_5D3D, 0x952A_B45C_FA97_A0B3, 0xDE46_9FBD_99A0_5FE3,
    0xA59B_C234_DB39_8C25, 0xF6C6_9A72_A398_9F5C, 0xB7DC_BF53_54E9_BECE, 0x88FC_F317_F222_41E2, 0xCC20_CE9B_D35C_78A5,
    0x9816_5AF3_7B21_53DF, 0xE2A0_B5DC_971F_303A, 0xA8D9_D153_5CE3_B396, 0xFB9B_7CD9_A4A7_443C, 0xBB76_4C4C_A7A4_4410,
    0x8BAB_8EEF_B640_9C1A, 0xD01F_EF10_A657_842C, 0x9B10_A4E5_E991_3129, 0xE710_9BFB_A19C_0C9D, 0xAC28_20D9_623B_F429,
    0x8044_4B5E_7AA7_CF85, 0xBF21_E440_03AC_DD2D, 0x8E67_9C2F_5E44_FF8F, 0xD433_179D_9C8C_B841, 0x9E19_DB92_B4E3_1BA9,
    0xEB96_BF6E_BADF_77D9, 0xAF87_023B_9BF0_EE6B,
];

/// `significand * 2^exponent`, not rounded until digits are made.
#[derive(Clone, Copy)]
struct Wide {
    significand: u64,
    exponent: i32,
}

impl Wide {
    fn normal(significand: u64, exponent: i32) -> Self {
        let by = significand.leading_zeros();
        Self { significand: significand << by, exponent: exponent - by as i32 }
    }

    /// The upper 64 bits of the product, rounded.
    fn times(self, other: Self) -> Self {
        let product = u128::from(self.significand) * u128::from(other.significand);
        let carry = (product as u64) >> 63;
        Self {
            significand: ((product >> 64) as u64).wrapping_add(carry),
            exponent: self.exponent + other.exponent + 64,
        }
    }
}

/// A power of ten that brings a number with this exponent near one, and its exponent to base ten, negated.
fn cached_power(exponent: i32) -> (Wide, i32) {
    let wanted = f64::from(-61 - exponent) * std::f64::consts::LOG10_2 + 347.0;
    let index = (wanted.ceil() as usize >> 3) + 1;
    let decimal = -348 + 8 * index as i32;
    (Wide { significand: POWERS[index], exponent: ((decimal * 217_706) >> 16) - 63 }, -decimal)
}

/// The digits of a positive, finite real, and the exponent of the last one.
fn digits(value: f64) -> (Vec<u8>, i32) {
    const HIDDEN: u64 = 1 << 52;
    let bits = value.to_bits();
    let (fraction, biased) = (bits & (HIDDEN - 1), (bits >> 52 & 0x7FF) as i32);
    let (significand, exponent) = if biased == 0 { (fraction, -1074) } else { (fraction | HIDDEN, biased - 1075) };
    // Half way to the neighbours on either side.
    let above = Wide::normal((significand << 1) + 1, exponent - 1);
    let (below, below_exponent) = if significand == HIDDEN {
        ((significand << 2) - 1, exponent - 2)
    } else {
        ((significand << 1) - 1, exponent - 1)
    };
    let below = Wide { significand: below << (below_exponent - above.exponent), exponent: above.exponent };
    let (power, decimal) = cached_power(above.exponent);
    let value = Wide::normal(significand, exponent).times(power);
    let high = Wide { significand: above.times(power).significand - 1, ..above.times(power) };
    let low = below.times(power).significand + 1;
    generate(value.significand, high, high.significand - low, decimal)
}

/// Digits of `high` until what is left of it lies within `delta`.
fn generate(value: u64, high: Wide, mut delta: u64, decimal: i32) -> (Vec<u8>, i32) {
    let shift = -high.exponent;
    let one = 1_u64 << shift;
    let (mut whole, mut part) = (high.significand >> shift, high.significand & (one - 1));
    let to_value = high.significand - value;
    let mut out = Vec::with_capacity(18);
    let mut left = if whole == 0 { 1 } else { whole.ilog10() + 1 };
    while left > 0 {
        left -= 1;
        let unit = 10_u64.pow(left);
        let digit = (whole / unit) as u8;
        whole %= unit;
        if digit > 0 || !out.is_empty() {
            out.push(digit);
        }
        let rest = (whole << shift) + part;
        if rest <= delta {
            settle(&mut out, delta, rest, unit << shift, to_value);
            return (out, decimal + left as i32);
        }
    }
    let mut behind = 0_u32;
    loop {
        part = part.wrapping_mul(10);
        delta = delta.wrapping_mul(10);
        let digit = (part >> shift) as u8;
        if digit > 0 || !out.is_empty() {
            out.push(digit);
        }
        part &= one - 1;
        behind += 1;
        if part < delta {
            // Beyond eight digits the writer gives up the search for the nearest: what makes ...07 of 0.1 + 0.2.
            let scale = if behind < 9 { 10_u64.pow(behind) } else { 0 };
            settle(&mut out, delta, part, one, to_value.wrapping_mul(scale));
            return (out, decimal - behind as i32);
        }
    }
}

/// Moves the last digit towards the value.
fn settle(out: &mut [u8], delta: u64, mut rest: u64, unit: u64, to_value: u64) {
    let Some(last) = out.last_mut() else { return };
    while rest < to_value
        && delta - rest >= unit
        && (rest + unit < to_value || to_value - rest > rest + unit - to_value)
    {
        *last -= 1;
        rest += unit;
    }
}

/// Writes a real: always with a point or an exponent, `inf`, `-inf` and `NaN` where it is no number.
pub fn write_real(out: &mut String, value: f64) {
    if value.is_nan() {
        out.push_str("NaN");
        return;
    }
    if value.is_sign_negative() {
        out.push('-');
    }
    if value.is_infinite() {
        out.push_str("inf");
        return;
    }
    if value == 0.0 {
        out.push_str("0.0");
        return;
    }
    let (digits, exponent) = digits(value.abs());
    let text: String = digits.iter().map(|d| char::from(b'0' + d)).collect();
    // Where the point stands, counted from the first digit.
    let point = text.len() as i32 + exponent;
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    let written = match point {
        _ if exponent >= 0 && point <= 21 => write!(out, "{text}{}.0", zeros(exponent)),
        1..=21 => write!(out, "{}.{}", &text[..point as usize], &text[point as usize..]),
        -5..=0 => write!(out, "0.{}{text}", zeros(-point)),
        _ if text.len() == 1 => write!(out, "{text}e{}", point - 1),
        _ => write!(out, "{}.{}e{}", &text[..1], &text[1..], point - 1),
    };
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: f64) -> String {
        let mut out = String::new();
        write_real(&mut out, value);
        out
    }

    #[test]
    fn a_real_has_a_point_or_an_exponent() {
        for (value, want) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1 + 0.2, "0.30000000000000007"),
            (1.0 / 3.0, "0.3333333333333333"),
            (123.456, "123.456"),
            (1e16, "10000000000000000.0"),
            (1e21, "1e21"),
            (-2.5e30, "-2.5e30"),
            (0.000_001_5, "0.0000015"),
            (1e-7, "1e-7"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(text(value), want);
        }
    }

    #[test]
    fn the_text_reads_back_as_the_same_real() {
        let mut bits = 0x0123_4567_89AB_CDEF_u64;
        for _ in 0..20_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = f64::from_bits(bits);
            if value.is_finite() {
                assert_eq!(text(value).parse::<f64>().unwrap().to_bits(), value.to_bits(), "{value:e}");
            }
        }
    }
}
