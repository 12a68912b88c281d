import CLinux

/// What this process may compute on.
public enum Processors {
  /// How many processors it may use: those of the machine, or fewer (`taskset`). At least one.
  public static var usable: Int { max(1, Int(clinux_usable_processors())) }
}
