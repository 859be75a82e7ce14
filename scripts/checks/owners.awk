# Reads path:line:code and prints, in the same form, each stored var in the body of an @unchecked Sendable type that has
# no owner word on its line or in the comment directly above it.
#
# A heuristic that reads lines, not Swift. A type is @unchecked Sendable when its declaration, or an extension anywhere
# that names it, says so. A var is computed when a { but no = follows it, unless the next line starts an observer.

# The header of the type declaration at line `i`, up to its {; "" if there is none.
function header(i,    text, last) {
  if (!match(code[i], /(^|[ \t])(class|struct|enum|actor|extension)[ \t]+[A-Z]/)) return ""
  text = substr(code[i], RSTART)
  for (last = i + 10; text !~ /[{]/ && i < last && i < NR; ) text = text " " code[++i]
  sub(/[{].*/, "", text)
  return text
}

# The last component of the name that a header declares or extends.
function type_name(text) {
  sub(/^[ \t]*[a-z]+[ \t]+/, "", text)
  match(text, /^[A-Za-z0-9_.]+/)
  text = substr(text, 1, RLENGTH)
  sub(/.*\./, "", text)
  return text
}

# Whether `text`, from line `i`, starts with a stored instance property.
function is_stored(text, i,    rest) {
  if (!match(text, /^[ \t]*([@a-z][A-Za-z_]*(\([^)]*\))?[ \t]+)*var[ \t]+[A-Za-z_(`]/)) return 0
  if (substr(text, 1, RLENGTH) ~ /(static|class)[ \t]/) return 0
  rest = substr(text, RLENGTH + 1)
  if (!match(rest, /[{]/) || index(substr(rest, 1, RSTART), "=")) return 1
  return substr(rest, RSTART) " " code[i + 1] ~ /(willSet|didSet)/
}

# Whether line `i` has an owner word, on itself or in the comment above it. Attributes may stand in between.
function is_owned(i,    text, j) {
  load(path[i])
  text = raw[line[i]]
  for (j = line[i] - 1; j > 0 && raw[j] ~ /^[ \t]*(\/\/|@[A-Za-z_]+(\([^)]*\))?[ \t]*$)/; j--) text = text " " raw[j]
  return tolower(text) ~ /loop-confined|consumer-confined|guarded by|atomic|immutable after init/
}

# The lines of a file as they are, with their comments.
function load(file,    n) {
  if (file == loaded) return
  loaded = file
  split("", raw)
  for (n = 1; (getline raw[n] < file) > 0; n++) {}
  close(file)
}

function judge(text, i) {
  if (is_stored(text, i) && !is_owned(i)) print path[i] ":" line[i] ":" code[i]
}

{
  match($0, /^[^:]*:[0-9]+:/)
  split(substr($0, 1, RLENGTH), place, ":")
  path[NR] = place[1]
  line[NR] = place[2]
  code[NR] = substr($0, RLENGTH + 1)
}

END {
  for (i = 1; i <= NR; i++) {
    text = header(i)
    if (text ~ /@unchecked[ \t]+Sendable/) unchecked[type_name(text)] = 1
  }
  for (i = 1; i <= NR; i++) {
    if (line[i] == 1) { depth = 0; split("", judged); pending = 0 }
    if (judged[depth]) judge(code[i], i)
    text = header(i)
    if (text != "") pending = type_name(text) in unchecked
    for (k = 1; k <= length(code[i]); k++) {
      character = substr(code[i], k, 1)
      if (character == "{") {
        judged[++depth] = pending
        # A body on the line of its declaration.
        if (pending) judge(substr(code[i], k + 1), i)
        pending = 0
      } else if (character == "}") {
        judged[depth--] = 0
      }
    }
  }
}
