//! Places on the earth, as a sphere: distances, shapes in GeoJSON, geohashes and S2 cells. What is no place or no valid shape is null.

mod cell;
mod geohash;
mod shape;
mod sphere;
mod wkt;

use super::dynamic::{quote, write_list};
use super::{Call, Eval};
use crate::engine::local::column::{Result, Vector};
use shape::{Lines, Polygons};
use sphere::{Place, RADIUS};

pub fn find(name: &str) -> Option<Eval> {
    Some(match name {
        "geo_distance_2points" => |c| {
            let spheroid = if c.args.len() > 4 { Some(c.arg(4)?.bools()?) } else { None };
            let (a, b) = (places(c, 0)?, places(c, 2)?);
            Ok(c.give_reals(|i| {
                let (a, b) = (a(i)?, b(i)?);
                let exact = spheroid.as_ref().is_some_and(|s| s.get(i) == Some(true));
                Some(if exact { sphere::on_spheroid(a, b) } else { a.angle_to(b) * RADIUS })
            }))
        },
        "geo_point_in_circle" => |c| {
            let (point, center, radius) = (places(c, 0)?, places(c, 2)?, c.number(4)?);
            Ok(c.maybe_bools(|i| {
                let radius = radius.get(i).filter(|r| *r >= 0.0)?;
                Some(point(i)?.angle_to(center(i)?) * RADIUS <= radius)
            }))
        },
        "geo_point_in_polygon" => |c| {
            let (point, shape) = (places(c, 0)?, c.texts(2)?);
            Ok(c.maybe_bools(|i| Some(Polygons::parse(shape.get(i)?)?.holds(point(i)?))))
        },
        "geo_distance_point_to_line" => |c| {
            let (point, shape) = (places(c, 0)?, c.texts(2)?);
            Ok(c.give_reals(|i| Some(Lines::parse(shape.get(i)?)?.distance(point(i)?) * RADIUS)))
        },
        "geo_distance_point_to_polygon" => |c| {
            let (point, shape) = (places(c, 0)?, c.texts(2)?);
            Ok(c.give_reals(|i| Some(Polygons::parse(shape.get(i)?)?.distance(point(i)?) * RADIUS)))
        },
        "geo_line_length" => |c| {
            let shape = c.texts(0)?;
            Ok(c.give_reals(|i| Some(Lines::parse(shape.get(i)?)?.length() * RADIUS)))
        },
        "geo_line_centroid" => |c| {
            let shape = c.texts(0)?;
            Ok(point(c, |i| Some(Lines::parse(shape.get(i)?)?.centroid())))
        },
        "geo_line_interpolate_point" => |c| {
            let (shape, part) = (c.texts(0)?, c.number(1)?);
            Ok(point(c, |i| {
                let part = part.get(i).filter(|p| (0.0..=1.0).contains(p))?;
                Lines::parse(shape.get(i)?)?.at(part)
            }))
        },
        "geo_closest_point_on_line" => |c| {
            let (from, shape) = (places(c, 1)?, c.texts(0)?);
            Ok(point(c, |i| Some(Lines::parse(shape.get(i)?)?.closest(from(i)?).1)))
        },
        "geo_polygon_area" => |c| {
            let shape = c.texts(0)?;
            Ok(c.give_reals(|i| Some(Polygons::parse(shape.get(i)?)?.area() * RADIUS * RADIUS)))
        },
        "geo_polygon_perimeter" => |c| {
            let shape = c.texts(0)?;
            Ok(c.give_reals(|i| Some(Polygons::parse(shape.get(i)?)?.perimeter() * RADIUS)))
        },
        "geo_polygon_centroid" => |c| {
            let shape = c.texts(0)?;
            Ok(point(c, |i| Some(Polygons::parse(shape.get(i)?)?.centroid())))
        },
        "geo_azimuth" => |c| {
            let (a, b) = (places(c, 0)?, places(c, 2)?);
            Ok(c.give_reals(|i| a(i)?.azimuth(b(i)?)))
        },
        "geo_angle" => |c| {
            let (a, b, d) = (places(c, 0)?, places(c, 2)?, places(c, 4)?);
            Ok(c.give_reals(|i| {
                let b = b(i)?;
                Some((b.azimuth(d(i)?)? - b.azimuth(a(i)?)?).rem_euclid(std::f64::consts::TAU))
            }))
        },
        "geo_from_wkt" => |c| {
            let t = c.texts(0)?;
            Ok(c.write_texts(|i, out| wkt::write(t.text(i), out).is_some()))
        },
        "geo_point_to_geohash" => |c| cell_of(c, 5, geohash::of),
        "geo_point_to_s2cell" => |c| cell_of(c, 11, cell::token_of),
        "geo_geohash_to_central_point" => |c| {
            let t = c.texts(0)?;
            Ok(point(c, |i| geohash::bounds(t.text(i)).map(geohash::Bounds::center)))
        },
        "geo_s2cell_to_central_point" => |c| {
            let t = c.texts(0)?;
            Ok(point(c, |i| Some(cell::Cell::parse(t.text(i))?.center())))
        },
        "geo_geohash_to_polygon" => |c| {
            let t = c.texts(0)?;
            Ok(polygon(c, |i| geohash::bounds(t.text(i)).map(geohash::Bounds::corners)))
        },
        "geo_s2cell_to_polygon" => |c| {
            let t = c.texts(0)?;
            Ok(polygon(c, |i| Some(cell::Cell::parse(t.text(i))?.corners())))
        },
        "geo_geohash_neighbors" => |c| names(c, geohash::neighbours),
        "geo_s2cell_neighbors" => |c| names(c, |token| Some(cell::Cell::parse(token)?.neighbours())),
        _ => return None,
    })
}

/// Longitude and latitude of two arguments, row by row.
fn places<'a>(call: &Call<'a>, n: usize) -> Result<impl Fn(usize) -> Option<Place> + use<'a>> {
    let (longitude, latitude) = (call.number(n)?, call.number(n + 1)?);
    Ok(move |i| Place::new(longitude.get(i)?, latitude.get(i)?))
}

/// The cell of a place at a level; "" where there is none.
fn cell_of(call: &Call<'_>, default: i64, f: fn(Place, i64) -> Option<String>) -> Result<Vector> {
    let place = places(call, 0)?;
    let level = if call.args.len() > 2 { Some(call.whole(2)?) } else { None };
    Ok(call.give_texts(|i| {
        let level = level.as_ref().map_or(Some(default), |l| l.get(i));
        Some(place(i).zip(level).and_then(|(p, l)| f(p, l)).unwrap_or_default())
    }))
}

fn names(call: &Call<'_>, f: impl Fn(&str) -> Option<Vec<String>>) -> Result<Vector> {
    let t = call.texts(0)?;
    Ok(call.write_texts(|i, out| {
        let Some(names) = f(t.text(i)) else { return false };
        write_list(out, names.iter(), |out, name| quote(out, name));
        true
    }))
}

fn point(call: &Call<'_>, f: impl Fn(usize) -> Option<Place>) -> Vector {
    call.write_texts(|i, out| {
        let Some(place) = f(i) else { return false };
        out.push_str("{\"type\":\"Point\",\"coordinates\":");
        shape::write_place(out, place);
        out.push('}');
        true
    })
}

/// A polygon of one ring, closed here.
fn polygon(call: &Call<'_>, f: impl Fn(usize) -> Option<[Place; 4]>) -> Vector {
    call.write_texts(|i, out| {
        let Some(corners) = f(i) else { return false };
        out.push_str("{\"type\":\"Polygon\",\"coordinates\":[");
        write_list(out, corners.iter().chain(corners.first()), |out, place| shape::write_place(out, *place));
        out.push_str("]}");
        true
    })
}
