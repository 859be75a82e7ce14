# Reads path:line:code and prints the signatures in it, as path:line:signature with the line where each begins.
#
# A signature is what stands before the body: of a func, init or subscript up to its { or, without one, to the last line
# of its parameters and result; of a var or let with a written access level above fileprivate up to its {. Stored
# properties without a written access level look like local variables, and are left alone.

function finish() {
  if (open) print where text
  open = 0
}

{
  match($0, /^[^:]*:[0-9]+:/)
  place = substr($0, 1, RLENGTH)
  code = substr($0, RLENGTH + 1)
}

# Between two lines of one signature, with its parentheses closed: goes on with the result, effects or constraints?
open && depth == 0 && code !~ /^[ \t]*(->|throws|async|rethrows|where)/ { finish() }

!open && match(code, /(^|[ \t{])(func[ \t]|init[?!]?[ \t]*[(<]|subscript[ \t]*[(<])/) {
  open = 1
  where = place
  text = ""
  depth = 0
  code = substr(code, RSTART)
  # The { in front of the keyword is not the body's.
  sub(/^[{]/, " ", code)
}

open {
  for (i = 1; i <= length(code); i++) {
    character = substr(code, i, 1)
    if (character == "(") depth++
    if (character == ")") depth--
    if (character == "{" && depth == 0) { finish(); next }
    text = text character
  }
  text = text " "
  next
}

/(^|[^A-Za-z_])(public|package|internal)[ \t(].*(var|let)[ \t]/ {
  sub(/[{].*/, "", code)
  print place code
}

END { finish() }
