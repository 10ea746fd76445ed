//! Floor 3: the evidence store and the workspace store.
