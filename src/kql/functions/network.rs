//! Addresses.

use super::{Function, Type, any, args, function, long, string};

const B: Type = Type::Bool;

pub static ALL: &[Function] = &[
    function(
        "ipv4_is_private",
        args![string("ip")],
        Type::Bool,
        "Is it an address of a private network? Null where it is no address.",
        "print ipv4_is_private('10.1.2.3')",
    ),
    function(
        "ipv4_is_in_range",
        args![string("ip"), string("range")],
        B,
        "Does the address lie in the range (a.b.c.d/n)?",
        "print ipv4_is_in_range('192.168.1.6', '192.168.1.1/24')",
    ),
    function(
        "ipv4_is_in_any_range",
        args![string("ip"), any("range").repeats()],
        B,
        "Does the address lie in any of the ranges?",
        "print ipv4_is_in_any_range('10.1.1.1', '10.0.0.0/8', '172.16.0.0/12')",
    ),
    function(
        "ipv4_is_match",
        args![string("ip"), string("other"), long("prefix").optional()],
        B,
        "Are both addresses the same under their prefixes?",
        "print ipv4_is_match('192.168.1.1/24', '192.168.1.255')",
    ),
    function(
        "ipv4_compare",
        args![string("ip"), string("other"), long("prefix").optional()],
        Type::Long,
        "Compares two addresses: -1, 0 or 1.",
        "print ipv4_compare('10.0.0.1', '10.0.0.2')",
    ),
    function(
        "parse_ipv4",
        args![string("ip")],
        Type::Long,
        "The address as a number; null where it is none.",
        "print parse_ipv4('127.0.0.1')",
    ),
    function(
        "has_ipv4",
        args![string("text"), string("ip")],
        B,
        "Does the text hold the address?",
        "print has_ipv4('from 10.0.0.1 in', '10.0.0.1')",
    ),
    function(
        "has_ipv4_prefix",
        args![string("text"), string("prefix")],
        B,
        "Does the text hold an address that begins so?",
        "print has_ipv4_prefix('from 10.0.0.1 in', '10.')",
    ),
    function(
        "has_any_ipv4",
        args![string("text"), any("ip").repeats()],
        B,
        "Does the text hold any of the addresses?",
        "print has_any_ipv4('from 10.0.0.1 in', '10.0.0.1')",
    ),
    function(
        "has_any_ipv4_prefix",
        args![string("text"), any("prefix").repeats()],
        B,
        "Does the text hold an address with any of the prefixes?",
        "print has_any_ipv4_prefix('from 10.0.0.1 in', '10.', '192.168.')",
    ),
];
