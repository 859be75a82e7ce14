import Glibc

/// A server's life.
public enum Serving {
  /// Says where the server listens, and ends the process when standard input ends.
  ///
  /// Blocks the calling thread.
  public static func untilInputEnds(at address: String) -> Never {
    print("listening on \(address)")
    fflush(nil)
    while getchar() != EOF {}
    exit(0)
  }
}
