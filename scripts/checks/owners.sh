# shellcheck shell=bash disable=SC2154
# owners: every stored var of an @unchecked Sendable type says who may touch it.
#
# One of these stands on its line or in the comment directly above it:
#
#   loop-confined          only on the thread of the event loop that the object belongs to
#   consumer-confined      only by the one consumer of a queue, whichever thread that is at the time
#   guarded by …           only with that lock held
#   atomic                 by anybody, through atomic operations; the comment says what pairs with what
#   immutable after init   by anybody, because nobody writes it any more

check_owners() {
  code Sources | awk -f scripts/checks/owners.awk | complain 'a var without an owner'
}

# shellcheck disable=SC2016 # Swift's backquotes
plants_owners() {
  local file=Sources/MailroomTransport/Planted.swift
  plant 'Planted.swift:2: a var without' "$file" 'final class Planted: @unchecked Sendable {' '  var planted = 0' '}'
  plant 'Planted.swift:3: a var without' "$file" 'final class Planted<Element>:' '  Base, @unchecked Sendable {' \
    '  private(set) lazy var planted: Int = { 0 }()' '}'
  plant 'Planted.swift:3: a var without' "$file" 'extension Other.Planted: @unchecked Sendable {}' 'struct Planted {' \
    '  @usableFromInline internal var planted: Int {' '    didSet {}' '  }' '}'
  plant 'Planted.swift:4: a var without' "$file" 'final class Planted: @unchecked Sendable {' \
    '  /// Loop-confined.' '  var first = 0' '  var second = 0' '}'
  plant 'Planted.swift:1: a var without' "$file" 'final class Planted: @unchecked Sendable { var planted = 0 }'
  pass "$file" 'final class Planted: @unchecked Sendable {' \
    '  /// Loop-confined: what this is.' '  @usableFromInline' '  var one = 0' '  private var two = 0  // guarded by `lock`' \
    '  var computed: Int { one == 0 ? 1 : 0 }' '  var alsoComputed: Int {' '    var local = 0' '    local += 1' '    return local' \
    '  }' '  func planted() {' '    var local = 0' '    local += 1' '  }' '  struct Nested { var three = 0 }' '}' \
    'final class Other { var four = 0 }'
}
