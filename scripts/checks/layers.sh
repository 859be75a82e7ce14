# shellcheck shell=bash disable=SC2154
# layers: arrows point down only, C stays in one folder, and pointers do not leave it.
#
#   Mailroom -> MailroomTransport -> CLibUV, MailroomQueue
#   Mailroom -> MailroomQueue -> CMailroomThread
#
# The build compares imports with Package.swift; this compares them with the layers above, and checks what no compiler
# knows: where in a target C and pointers may stand.

check_layers() {
  local bad=0 all=$scratch/code
  code Sources Tests Benchmarks >"$all"

  local queue=Sources/MailroomQueue/ transport=Sources/MailroomTransport/ mailroom=Sources/Mailroom/
  local uv=Sources/MailroomTransport/UV/
  # An import may name a declaration: import struct Mailroom.RPCAddress.
  local import='\bimport +((struct|class|enum|protocol|typealias|func|var|let) +)?'

  forbid 'MailroomQueue is below all others' "$queue" "$import(MailroomTransport|Mailroom|CLibUV)\b" <"$all" || bad=1
  forbid 'MailroomTransport is below Mailroom' "$transport" "${import}Mailroom\b" <"$all" || bad=1
  forbid "CLibUV is imported in $uv only" '' "${import}CLibUV\b" "$uv" <"$all" || bad=1
  forbid "CMailroomThread is imported in $queue only" '' "${import}CMailroomThread\b" "$queue" <"$all" || bad=1
  forbid 'the libraries do without Foundation and Dispatch' Sources/ \
    "$import(Foundation[A-Za-z]*|Dispatch)\b" <"$all" || bad=1
  forbid '@testable is for tests' Sources/ '@testable\b' <"$all" || bad=1
  # The access level is a promise about whose API the module appears in.
  lines -E '^Sources/[^:]*:[0-9]+:(.*[ \t])?import +[A-Za-z_]' "$all" |
    lines -Ev ':[0-9]+:(.*[ \t])?(public|package|internal|fileprivate|private) +(@[A-Za-z_]+(\([^)]*\))? +)*import ' |
    complain 'an import says its access level' || bad=1
  forbid 'Mailroom has no unsafe code' "$mailroom" \
    '\bUnsafe[A-Za-z]*Pointer\b|\bUnmanaged\b|\bunsafe +[^:=, ]|@unsafe\b|@safe\b' <"$all" || bad=1
  lines "^$transport" "$all" | lines -v "^$uv" | awk -f scripts/checks/signatures.awk |
    forbid "a pointer in a signature outside $uv" '' '\bUnsafe[A-Za-z]*Pointer\b' || bad=1
  return "$bad"
}

plants_layers() {
  local in
  for in in MailroomTransport Mailroom CLibUV; do
    plant 'MailroomQueue is below' Sources/MailroomQueue/Planted.swift "internal import $in"
  done
  plant 'MailroomTransport is below' Sources/MailroomTransport/Planted.swift 'internal import struct Mailroom.RPCError'
  for in in Sources/MailroomTransport Sources/Mailroom Tests/MailroomTransportTests Benchmarks/mailroom-bench; do
    plant 'CLibUV is imported in' "$in/Planted.swift" 'internal import CLibUV'
  done
  for in in Sources/MailroomTransport/UV Sources/Mailroom Tests/MailroomQueueTests; do
    plant 'CMailroomThread is imported in' "$in/Planted.swift" 'internal import CMailroomThread'
  done
  pass Sources/MailroomTransport/UV/Planted.swift 'internal import CLibUV' \
    'func planted(pointer: UnsafeMutableRawPointer) -> Int { 0 }'
  pass Sources/MailroomTransport/Planted.swift 'internal import MailroomQueue' '/// There is no import Mailroom here.'

  for in in Foundation FoundationEssentials Dispatch; do
    plant 'do without Foundation' Sources/Mailroom/Planted.swift "internal import $in"
  done
  plant '@testable is for tests' Sources/Mailroom/Planted.swift '@testable internal import MailroomQueue'

  plant 'says its access level' Sources/Mailroom/Planted.swift 'import MailroomQueue'
  plant 'says its access level' Sources/Mailroom/Planted.swift '@preconcurrency import MailroomQueue'
  pass Sources/Mailroom/Planted.swift '@_spi(Testing) public import MailroomQueue' 'package import MailroomTransport'

  plant 'no unsafe code' Sources/Mailroom/Planted.swift 'private let planted: UnsafeRawBufferPointer? = nil'
  plant 'no unsafe code' Sources/Mailroom/Planted.swift 'func planted(_ object: Unmanaged<AnyObject>) {}'
  plant 'no unsafe code' Sources/Mailroom/Planted.swift 'func planted() { unsafe planted() }'
  pass Sources/Mailroom/Planted.swift '// unsafe code' 'let planted = "unsafe code"'

  local file=Sources/MailroomTransport/Planted.swift
  plant 'a pointer in a signature' "$file" 'private func planted(_ bytes: UnsafeRawPointer) {}'
  plant 'a pointer in a signature' "$file" 'func planted(' '  _ bytes: Int,' '  to: UnsafeMutableRawBufferPointer' ') {}'
  plant 'a pointer in a signature' "$file" 'func planted(_ bytes: Int)' '  -> UnsafePointer<Int> {}'
  plant 'a pointer in a signature' "$file" 'struct Planted { init?(bytes: UnsafeRawPointer) {} }'
  plant 'a pointer in a signature' "$file" 'struct Planted {' '  subscript(bytes: UnsafeRawPointer) -> Int { 0 }' '}'
  plant 'a pointer in a signature' "$file" 'package var planted: UnsafeMutablePointer<Int>?'
  pass "$file" 'struct Planted {' '  private var bytes: UnsafeMutableRawPointer' \
    '  init() { bytes = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1) }' \
    '  func planted() { let bytes: UnsafeMutableRawPointer = self.bytes; _ = bytes }' \
    '  package var first: Int { unsafe UnsafeRawPointer(bytes).load(as: Int.self) }' '}'
}
