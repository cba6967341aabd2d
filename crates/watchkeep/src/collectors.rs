//! What runs beside the server: the host collector, which is a client of the public API like any other, and the X-Ray
//! listener.
