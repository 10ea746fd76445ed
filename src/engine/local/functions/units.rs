//! `convert_length` and its kin: a number from one unit of measure to another, by Kusto's names of units.

use super::{Call, Eval};
use crate::engine::local::column::{Result, Vector};

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "convert_angle" => |c| convert(c, ANGLE),
        "convert_energy" => |c| convert(c, ENERGY),
        "convert_force" => |c| convert(c, FORCE),
        "convert_length" => |c| convert(c, LENGTH),
        "convert_mass" => |c| convert(c, MASS),
        "convert_speed" => |c| convert(c, SPEED),
        "convert_temperature" => temperature,
        "convert_volume" => |c| convert(c, VOLUME),
        _ => return None,
    })
}

/// Names of units and what each is worth in one of them.
type Units = &'static [(&'static str, f64)];

fn convert(call: &Call<'_>, units: Units) -> Result<Vector> {
    let (value, from, to) = (call.number(0)?, call.texts(1)?, call.texts(2)?);
    let worth = |name: &str| units.iter().find(|(unit, _)| *unit == name).map(|(_, worth)| *worth);
    Ok(call.give_reals(|i| Some(value.get(i)? * worth(from.text(i))? / worth(to.text(i))?)))
}

const PI: f64 = std::f64::consts::PI;

/// In radians.
const ANGLE: Units = &[
    ("Arcminute", PI / 10_800.0),
    ("Arcsecond", PI / 648_000.0),
    ("Centiradian", 1e-2),
    ("Deciradian", 1e-1),
    ("Degree", PI / 180.0),
    ("Gradian", PI / 200.0),
    ("Microdegree", PI / 1.8e8),
    ("Microradian", 1e-6),
    ("Millidegree", PI / 1.8e5),
    ("Milliradian", 1e-3),
    ("Nanodegree", PI / 1.8e11),
    ("Nanoradian", 1e-9),
    ("NatoMil", PI / 3_200.0),
    ("Radian", 1.0),
    ("Revolution", 2.0 * PI),
    ("Tilt", PI / 2.0),
];

/// In joules.
const ENERGY: Units = &[
    ("BritishThermalUnit", 1_055.055_852_62),
    ("Calorie", 4.184),
    ("DecathermEc", 1.055_055_852_62e9),
    ("DecathermImperial", 1.055_055_852_62e9),
    ("DecathermUs", 1.054_804e9),
    ("ElectronVolt", 1.602_176_565e-19),
    ("Erg", 1e-7),
    ("FootPound", 1.355_817_948),
    ("GigabritishThermalUnit", 1.055_055_852_62e12),
    ("GigaelectronVolt", 1.602_176_565e-10),
    ("Gigajoule", 1e9),
    ("GigawattDay", 8.64e13),
    ("GigawattHour", 3.6e12),
    ("HorsepowerHour", 2.684_519_537_696_173e6),
    ("Joule", 1.0),
    ("KilobritishThermalUnit", 1.055_055_852_62e6),
    ("Kilocalorie", 4_184.0),
    ("KiloelectronVolt", 1.602_176_565e-16),
    ("Kilojoule", 1e3),
    ("KilowattDay", 8.64e7),
    ("KilowattHour", 3.6e6),
    ("MegabritishThermalUnit", 1.055_055_852_62e9),
    ("Megacalorie", 4.184e6),
    ("MegaelectronVolt", 1.602_176_565e-13),
    ("Megajoule", 1e6),
    ("MegawattDay", 8.64e10),
    ("MegawattHour", 3.6e9),
    ("Millijoule", 1e-3),
    ("TeraelectronVolt", 1.602_176_565e-7),
    ("TerawattDay", 8.64e16),
    ("TerawattHour", 3.6e15),
    ("ThermEc", 1.055_055_852_62e8),
    ("ThermImperial", 1.055_055_852_62e8),
    ("ThermUs", 1.054_804e8),
    ("WattDay", 8.64e4),
    ("WattHour", 3.6e3),
];

/// In newtons.
const FORCE: Units = &[
    ("Decanewton", 10.0),
    ("Dyn", 1e-5),
    ("KilogramForce", 9.806_65),
    ("Kilonewton", 1e3),
    ("KiloPond", 9.806_65),
    ("KilopoundForce", 4_448.221_615_260_5),
    ("Meganewton", 1e6),
    ("Micronewton", 1e-6),
    ("Millinewton", 1e-3),
    ("Newton", 1.0),
    ("OunceForce", 0.278_013_850_953_781_2),
    ("Poundal", 0.138_254_954_376),
    ("PoundForce", 4.448_221_615_260_5),
    ("ShortTonForce", 8_896.443_230_521),
    ("TonneForce", 9_806.65),
];

/// In metres.
const LENGTH: Units = &[
    ("Angstrom", 1e-10),
    ("AstronomicalUnit", 1.495_978_707e11),
    ("Centimeter", 1e-2),
    ("Chain", 20.116_8),
    ("DataMile", 1_828.8),
    ("Decameter", 10.0),
    ("Decimeter", 1e-1),
    ("DtpPica", 0.025_4 / 6.0),
    ("DtpPoint", 0.025_4 / 72.0),
    ("Fathom", 1.828_8),
    ("Foot", 0.304_8),
    ("Hand", 0.101_6),
    ("Hectometer", 100.0),
    ("Inch", 0.025_4),
    ("KilolightYear", 9.460_730_472_580_8e18),
    ("Kilometer", 1e3),
    ("Kiloparsec", 3.085_677_581_491_37e19),
    ("LightYear", 9.460_730_472_580_8e15),
    ("MegalightYear", 9.460_730_472_580_8e21),
    ("Megaparsec", 3.085_677_581_491_37e22),
    ("Meter", 1.0),
    ("Microinch", 2.54e-8),
    ("Micrometer", 1e-6),
    ("Mil", 2.54e-5),
    ("Mile", 1_609.344),
    ("Millimeter", 1e-3),
    ("Nanometer", 1e-9),
    ("NauticalMile", 1_852.0),
    ("Parsec", 3.085_677_581_491_37e16),
    ("PrinterPica", 0.025_4 / 6.022_5),
    ("PrinterPoint", 0.025_4 / 72.27),
    ("Shackle", 27.432),
    ("SolarRadius", 6.955_08e8),
    ("Twip", 0.025_4 / 1_440.0),
    ("UsSurveyFoot", 1_200.0 / 3_937.0),
    ("Yard", 0.914_4),
];

/// In kilograms.
const MASS: Units = &[
    ("Centigram", 1e-5),
    ("Decagram", 1e-2),
    ("Decigram", 1e-4),
    ("EarthMass", 5.972_2e24),
    ("Grain", 6.479_891e-5),
    ("Gram", 1e-3),
    ("Hectogram", 0.1),
    ("Kilogram", 1.0),
    ("Kilopound", 453.592_37),
    ("Kilotonne", 1e6),
    ("LongHundredweight", 50.802_345_44),
    ("LongTon", 1_016.046_908_8),
    ("Megapound", 453_592.37),
    ("Megatonne", 1e9),
    ("Microgram", 1e-9),
    ("Milligram", 1e-6),
    ("Nanogram", 1e-12),
    ("Ounce", 0.028_349_523_125),
    ("Pound", 0.453_592_37),
    ("ShortHundredweight", 45.359_237),
    ("ShortTon", 907.184_74),
    ("Slug", 14.593_902_937_206_364),
    ("SolarMass", 1.988_47e30),
    ("Stone", 6.350_293_18),
    ("Tonne", 1e3),
];

/// In metres a second.
const SPEED: Units = &[
    ("CentimeterPerHour", 1e-2 / 3_600.0),
    ("CentimeterPerMinute", 1e-2 / 60.0),
    ("CentimeterPerSecond", 1e-2),
    ("DecimeterPerMinute", 1e-1 / 60.0),
    ("DecimeterPerSecond", 1e-1),
    ("FootPerHour", 0.304_8 / 3_600.0),
    ("FootPerMinute", 0.304_8 / 60.0),
    ("FootPerSecond", 0.304_8),
    ("InchPerHour", 0.025_4 / 3_600.0),
    ("InchPerMinute", 0.025_4 / 60.0),
    ("InchPerSecond", 0.025_4),
    ("KilometerPerHour", 1.0 / 3.6),
    ("KilometerPerMinute", 1e3 / 60.0),
    ("KilometerPerSecond", 1e3),
    ("Knot", 1_852.0 / 3_600.0),
    ("MeterPerHour", 1.0 / 3_600.0),
    ("MeterPerMinute", 1.0 / 60.0),
    ("MeterPerSecond", 1.0),
    ("MicrometerPerMinute", 1e-6 / 60.0),
    ("MicrometerPerSecond", 1e-6),
    ("MilePerHour", 0.447_04),
    ("MillimeterPerHour", 1e-3 / 3_600.0),
    ("MillimeterPerMinute", 1e-3 / 60.0),
    ("MillimeterPerSecond", 1e-3),
    ("NanometerPerMinute", 1e-9 / 60.0),
    ("NanometerPerSecond", 1e-9),
    ("UsSurveyFootPerHour", 1_200.0 / 3_937.0 / 3_600.0),
    ("UsSurveyFootPerMinute", 1_200.0 / 3_937.0 / 60.0),
    ("UsSurveyFootPerSecond", 1_200.0 / 3_937.0),
    ("YardPerHour", 0.914_4 / 3_600.0),
    ("YardPerMinute", 0.914_4 / 60.0),
    ("YardPerSecond", 0.914_4),
];

/// In cubic metres.
const VOLUME: Units = &[
    ("AcreFoot", 1_233.481_837_547_52),
    ("AuTablespoon", 2e-5),
    ("BoardFoot", 2.359_737_216e-3),
    ("Centiliter", 1e-5),
    ("CubicCentimeter", 1e-6),
    ("CubicDecimeter", 1e-3),
    ("CubicFoot", 0.028_316_846_592),
    ("CubicHectometer", 1e6),
    ("CubicInch", 1.638_706_4e-5),
    ("CubicKilometer", 1e9),
    ("CubicMeter", 1.0),
    ("CubicMicrometer", 1e-18),
    ("CubicMile", 4.168_181_825_440_58e9),
    ("CubicMillimeter", 1e-9),
    ("CubicYard", 0.764_554_857_984),
    ("Decaliter", 1e-2),
    ("DecausGallon", 0.037_854_117_84),
    ("Deciliter", 1e-4),
    ("HectocubicFoot", 2.831_684_659_2),
    ("HectocubicMeter", 100.0),
    ("Hectoliter", 0.1),
    ("HectousGallon", 0.378_541_178_4),
    ("ImperialBeerBarrel", 0.163_659_24),
    ("ImperialGallon", 4.546_09e-3),
    ("ImperialOunce", 2.841_306_25e-5),
    ("ImperialPint", 5.682_612_5e-4),
    ("KilocubicFoot", 28.316_846_592),
    ("KilocubicMeter", 1e3),
    ("KiloimperialGallon", 4.546_09),
    ("Kiloliter", 1.0),
    ("KilousGallon", 3.785_411_784),
    ("Liter", 1e-3),
    ("MegacubicFoot", 28_316.846_592),
    ("MegaimperialGallon", 4_546.09),
    ("Megaliter", 1e3),
    ("MegausGallon", 3_785.411_784),
    ("MetricCup", 2.5e-4),
    ("MetricTeaspoon", 5e-6),
    ("Microliter", 1e-9),
    ("Milliliter", 1e-6),
    ("OilBarrel", 0.158_987_294_928),
    ("UkTablespoon", 1.5e-5),
    ("UsBeerBarrel", 0.117_347_765_304),
    ("UsCustomaryCup", 2.365_882_365e-4),
    ("UsGallon", 3.785_411_784e-3),
    ("UsLegalCup", 2.4e-4),
    ("UsOunce", 2.957_352_956_25e-5),
    ("UsPint", 4.731_764_73e-4),
    ("UsQuart", 9.463_529_46e-4),
    ("UsTablespoon", 1.478_676_478_125e-5),
    ("UsTeaspoon", 4.928_921_593_75e-6),
];

/// What a scale's degree is in kelvins, and where its zero lies.
fn scale(unit: &str) -> Option<(f64, f64)> {
    Some(match unit {
        "Kelvin" => (1.0, 0.0),
        "MillidegreeCelsius" => (1e-3, 273.15),
        "DegreeCelsius" => (1.0, 273.15),
        "DegreeDelisle" => (-2.0 / 3.0, 373.15),
        "DegreeFahrenheit" => (5.0 / 9.0, 459.67 * 5.0 / 9.0),
        "DegreeNewton" => (100.0 / 33.0, 273.15),
        "DegreeRankine" => (5.0 / 9.0, 0.0),
        "DegreeReaumur" => (5.0 / 4.0, 273.15),
        "DegreeRoemer" => (40.0 / 21.0, 273.15 - 7.5 * 40.0 / 21.0),
        "SolarTemperature" => (5_778.0, 0.0),
        _ => return None,
    })
}

fn temperature(call: &Call<'_>) -> Result<Vector> {
    let (value, from, to) = (call.number(0)?, call.texts(1)?, call.texts(2)?);
    Ok(call.give_reals(|i| {
        let ((degree, zero), (to_degree, to_zero)) = (scale(from.text(i))?, scale(to.text(i))?);
        Some((value.get(i)? * degree + zero - to_zero) / to_degree)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_stands_once_and_is_worth_something() {
        for units in [ANGLE, ENERGY, FORCE, LENGTH, MASS, SPEED, VOLUME] {
            assert!(units.is_sorted_by(|a, b| a.0.to_lowercase() < b.0.to_lowercase()));
            assert!(units.iter().all(|(_, worth)| *worth > 0.0));
        }
    }

    #[test]
    fn water_boils_and_freezes_where_each_scale_says() {
        for (unit, freezes, boils) in [
            ("DegreeCelsius", 0.0, 100.0),
            ("DegreeFahrenheit", 32.0, 212.0),
            ("DegreeReaumur", 0.0, 80.0),
            ("DegreeRoemer", 7.5, 60.0),
            ("DegreeNewton", 0.0, 33.0),
            ("DegreeDelisle", 150.0, 0.0),
        ] {
            let (degree, zero) = scale(unit).unwrap();
            assert!((freezes * degree + zero - 273.15_f64).abs() < 1e-9, "{unit}");
            assert!((boils * degree + zero - 373.15_f64).abs() < 1e-9, "{unit}");
        }
    }
}
