import Glibc

/// What nbdkit does at its start: a write to a pipe without a reader is an error and not the end.
package func ignoreBrokenPipes() {
  signal(SIGPIPE, SIG_IGN)
}
