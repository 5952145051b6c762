//! Integration tests of step-analyzer.
