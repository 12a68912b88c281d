extension CommandLine {
  /// Whether nbdkit, started with these arguments, prints to its standard output (1.40 and newer).
  ///
  /// nbdkit has read them already, so what is an abbreviation here is an unambiguous one.
  static func printsToOutput(_ arguments: some Sequence<String>) -> Bool {
    arguments.prefix { $0 != "--" }.contains { argument in
      argument.hasPrefix("--pr") && "--print-uri".hasPrefix(argument)
    }
  }
}
