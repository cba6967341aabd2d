//! A gateway in this process, in front of toy services made of the real models, driven over real sockets.

mod bodies;
mod browsers;
mod cluster;
mod documents;
mod harness;
mod http_apis;
mod life;
mod protocols;
mod signatures;
mod streams;
