//! custom-resource
