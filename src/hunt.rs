//! Floor 5: saved hunts: their files, their parameters, running them.
