//! Places on the earth. Shapes are GeoJSON, edges the shortest ways between their ends.

use super::{Function, Parameter, Type, any, args, dynamic, function, long, real, string};

const R: Type = Type::Real;
const B: Type = Type::Bool;
const S: Type = Type::String;
const D: Type = Type::Dynamic;

const X: Parameter = real("longitude");
const Y: Parameter = real("latitude");

pub static ALL: &[Function] = &[
    function(
        "geo_distance_2points",
        args![X, Y, X, Y, any("spheroid").optional()],
        R,
        "The shortest distance over the earth, in metres; on the spheroid where asked for.",
        "print geo_distance_2points(13.40, 52.52, 2.35, 48.86)",
    ),
    function(
        "geo_point_in_circle",
        args![X, Y, X, Y, real("radius")],
        B,
        "Does the place lie within so many metres of another?",
        "print geo_point_in_circle(8.54, 47.37, 8.5, 47.4, 5000)",
    ),
    function(
        "geo_point_in_polygon",
        args![X, Y, dynamic("polygon")],
        B,
        "Does the place lie in the polygon, or in one of several?",
        "print geo_point_in_polygon(8.6, 47.2, dynamic({'type':'Polygon','coordinates':[[[8,47],[9,47],[9,48],[8,47]]]}))",
    ),
    function(
        "geo_distance_point_to_line",
        args![X, Y, dynamic("line")],
        R,
        "The shortest distance from a place to a line, in metres.",
        "print geo_distance_point_to_line(8, 47, dynamic({'type':'LineString','coordinates':[[8.5,47.3],[7.4,46.9]]}))",
    ),
    function(
        "geo_distance_point_to_polygon",
        args![X, Y, dynamic("polygon")],
        R,
        "The shortest distance from a place to a polygon, in metres; 0 inside.",
        "print geo_distance_point_to_polygon(7, 47, dynamic({'type':'Polygon','coordinates':[[[8,47],[9,47],[9,48],[8,47]]]}))",
    ),
    function(
        "geo_line_length",
        args![dynamic("line")],
        R,
        "A line's length, in metres.",
        "print geo_line_length(dynamic({'type':'LineString','coordinates':[[8.5,47.3],[7.4,46.9]]}))",
    ),
    function(
        "geo_line_centroid",
        args![dynamic("line")],
        D,
        "A line's centroid.",
        "print geo_line_centroid(dynamic({'type':'LineString','coordinates':[[8.5,47.3],[7.4,46.9]]}))",
    ),
    function(
        "geo_line_interpolate_point",
        args![dynamic("line"), real("part")],
        D,
        "The place after a part of a line's length, from 0 to 1.",
        "print geo_line_interpolate_point(dynamic({'type':'LineString','coordinates':[[8.5,47.3],[7.4,46.9]]}), 0.5)",
    ),
    function(
        "geo_closest_point_on_line",
        args![dynamic("line"), X, Y],
        D,
        "The place of a line that is nearest to another.",
        "print geo_closest_point_on_line(dynamic({'type':'LineString','coordinates':[[8.5,47.3],[7.4,46.9]]}), 8, 47)",
    ),
    function(
        "geo_polygon_area",
        args![dynamic("polygon")],
        R,
        "A polygon's area, in square metres.",
        "print geo_polygon_area(dynamic({'type':'Polygon','coordinates':[[[8,47],[9,47],[9,48],[8,47]]]}))",
    ),
    function(
        "geo_polygon_perimeter",
        args![dynamic("polygon")],
        R,
        "The length of a polygon's boundary, in metres.",
        "print geo_polygon_perimeter(dynamic({'type':'Polygon','coordinates':[[[8,47],[9,47],[9,48],[8,47]]]}))",
    ),
    function(
        "geo_polygon_centroid",
        args![dynamic("polygon")],
        D,
        "A polygon's centroid.",
        "print geo_polygon_centroid(dynamic({'type':'Polygon','coordinates':[[[8,47],[9,47],[9,48],[8,47]]]}))",
    ),
    function(
        "geo_azimuth",
        args![X, Y, X, Y],
        R,
        "The direction from a place to another: radians, clockwise from north.",
        "print geo_azimuth(5, 10, 10, -40)",
    ),
    function(
        "geo_angle",
        args![X, Y, X, Y, X, Y],
        R,
        "The angle between two lines over three places: radians, clockwise.",
        "print geo_angle(0, 10, 0, 5, 3, -10)",
    ),
    function(
        "geo_from_wkt",
        args![string("text")],
        D,
        "Well-known text as GeoJSON; null where it is none.",
        "print geo_from_wkt('POINT (8.5 47.3)')",
    ),
    function(
        "geo_point_to_geohash",
        args![X, Y, long("length").optional()],
        S,
        "The geohash of a place, of 5 letters or as many as asked for.",
        "print geo_point_to_geohash(8.54, 47.37)",
    ),
    function(
        "geo_geohash_to_central_point",
        args![string("geohash")],
        D,
        "The middle of a geohash's rectangle.",
        "print geo_geohash_to_central_point('u0qj')",
    ),
    function(
        "geo_geohash_to_polygon",
        args![string("geohash")],
        D,
        "A geohash's rectangle.",
        "print geo_geohash_to_polygon('u0qj')",
    ),
    function(
        "geo_geohash_neighbors",
        args![string("geohash")],
        D,
        "The eight geohashes around one.",
        "print geo_geohash_neighbors('u0qj')",
    ),
    function(
        "geo_point_to_s2cell",
        args![X, Y, long("level").optional()],
        S,
        "The token of the S2 cell of a place, at level 11 or the one given.",
        "print geo_point_to_s2cell(8.54, 47.37)",
    ),
    function(
        "geo_s2cell_to_central_point",
        args![string("token")],
        D,
        "The middle of an S2 cell.",
        "print geo_s2cell_to_central_point('47b1d')",
    ),
    function(
        "geo_s2cell_to_polygon",
        args![string("token")],
        D,
        "An S2 cell's outline.",
        "print geo_s2cell_to_polygon('47b1d')",
    ),
    function(
        "geo_s2cell_neighbors",
        args![string("token")],
        D,
        "The S2 cells around one.",
        "print geo_s2cell_neighbors('47b1d')",
    ),
];
