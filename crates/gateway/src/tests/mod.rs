//! A gateway in this process, in front of toy services made of the real models, driven over real sockets.

mod bodies;
mod browsers;
mod harness;
mod life;
mod protocols;
mod signatures;
