//! Where a training begins.
