//! Tells the linker that the process that loads the addon provides the N-API symbols.

fn main() {
    napi_build::setup();
}
