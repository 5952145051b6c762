//! Through the door, against services of the test.
