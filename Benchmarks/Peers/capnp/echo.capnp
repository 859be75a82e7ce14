@0xb7c3a51de0f9d2c4;

interface Echo {
  # Answers with what it was sent.
  ask @0 (payload :Data) -> (payload :Data);

  # Messages without an answer of their own: Cap'n Proto's streaming calls, which it paces itself.
  send @1 (payload :Data) -> stream;

  # How many of them have come.
  received @2 () -> (count :UInt64);
}
