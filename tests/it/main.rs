//! The one integration binary: behaviour seen from outside, a module each.

mod floors;
