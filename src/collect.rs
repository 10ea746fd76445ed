//! Floor 5: from where events come. Sources, the poller, its budget.
