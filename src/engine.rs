//! Floor 4: questions and answers. The embedded executor, and adapters to remote engines.
