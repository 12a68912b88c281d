// Decodes a compressed disk with the decoders of Go programs, from standard input to standard output.
package main

import (
	"compress/gzip"
	"io"
	"log"
	"os"

	"github.com/klauspost/compress/zstd"
)

func main() {
	var stream io.Reader
	var err error
	if os.Args[1] == "zstd" {
		stream, err = zstd.NewReader(os.Stdin)
	} else {
		stream, err = gzip.NewReader(os.Stdin)
	}
	if err == nil {
		_, err = io.Copy(os.Stdout, stream)
	}
	if err != nil {
		log.Fatal(err)
	}
}
