# shellcheck shell=bash disable=SC2154
# escapes: few and proven ways around the compiler's checks, no traps, no notes to self.

most_unchecked=6
most_nonisolated=2

check_escapes() {
  local bad=0 all=$scratch/code
  code Sources >"$all"

  at_most "$most_unchecked" '@unchecked +Sendable\b' <"$all" || bad=1
  at_most "$most_nonisolated" '\bnonisolated\(unsafe\)' <"$all" || bad=1
  lines -E '@unchecked +Sendable\b' "$all" | without_proof |
    complain '@unchecked Sendable without "Proof:" in the 12 lines around it' || bad=1

  forbid 'throws away an error' '' '\btry!' <"$all" || bad=1
  forbid 'casts or traps' '' '\bas!' <"$all" || bad=1
  # An error reaches whoever can handle it; precondition() says what a caller did wrong.
  forbid 'ends the process' '' '\b(fatalError|preconditionFailure) *\(' <"$all" || bad=1

  # Comments count here, and so do these scripts: hence the brackets.
  local folders
  folders=$(existing Sources Tests Benchmarks scripts)
  # shellcheck disable=SC2086 # one argument per folder
  lines -rnIE '\b(TO[D]O|FIX[M]E|XX[X]|HAC[K])\b' $folders | complain 'a note to self' || bad=1
  return "$bad"
}

# at_most COUNT PATTERN: reads path:line:code and fails when more lines match.
at_most() {
  lines -E ":[0-9]+:.*($2)" >"$scratch/hits"
  local count
  count=$(wc -l <"$scratch/hits")
  ((count <= $1)) || complain "$count of these, $1 are allowed" <"$scratch/hits"
}

# Reads path:line:code and prints those without a "Proof:" in the 12 lines above or below.
without_proof() {
  local hit path line rest
  while IFS= read -r hit; do
    path=${hit%%:*} rest=${hit#*:} line=${hit#*:}
    line=${line%%:*}
    if ! sed -n "$((line > 12 ? line - 12 : 1)),$((line + 12))p" "$path" | grep -q 'Proof:'; then
      printf '%s:%s\n' "$path" "$rest"
    fi
  done
}

plants_escapes() {
  local file=Sources/Mailroom/Planted.swift proven=() unsafe=() i
  for ((i = 0; i <= most_unchecked; i++)); do proven+=('// Proof: none.' "class Planted$i: @unchecked Sendable {}"); done
  for ((i = 0; i <= most_nonisolated; i++)); do unsafe+=("nonisolated(unsafe) let planted$i = 0"); done
  plant "$most_unchecked are allowed" "$file" "${proven[@]}"
  plant "$most_nonisolated are allowed" "$file" "${unsafe[@]}"
  plant 'without "Proof:"' "$file" 'final class Planted: @unchecked Sendable {}'
  plant 'without "Proof:"' "$file" '// Proof: too far away.' '' '' '' '' '' '' '' '' '' '' '' '' \
    'extension Planted: @unchecked Sendable {}'
  plant 'throws away' "$file" 'let planted = try! planted()'
  plant 'throws away' "$file" 'let planted = "\(try! planted())"'
  plant 'casts or traps' "$file" 'let planted = planted as! Int'
  plant 'ends the process' "$file" 'func planted() { fatalError("planted") }'
  plant 'ends the process' "$file" 'func planted() -> Never { preconditionFailure() }'
  pass "$file" '// try! as! fatalError() @unchecked Sendable' 'let planted = "fatalError()" as Any' '/*' 'as! */'
  for file in Sources/Mailroom/Planted.swift Tests/MailroomTests/Planted.swift Benchmarks/CLimits/planted.c scripts/planted; do
    plant 'a note to self' "$file" '// TO''DO: planted'
  done
  for i in 'FIX''ME' 'XX''X' 'HA''CK'; do plant 'a note to self' Sources/Mailroom/Planted.swift "let planted = 0  // $i"; done
}
