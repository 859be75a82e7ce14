# Prints every line of the given Swift files as path:line:code, without comments and without the text of strings, so
# that the checks see code only. What is interpolated into a string is code.
#
# Knows // and nested /* */, "…" and """…""", and \( ) in both. It reads raw strings (#"…"#) as plain ones, and gives up
# on an unfinished "…" at the end of its line.

# The stack of what surrounds the current character: "c"ode, "/" comment, "s"tring, "m"ulti-line string.
function top() { return stack[height] }
function push(kind) { stack[++height] = kind; parentheses[height] = 0 }

FNR == 1 { height = 0; push("c") }

# Most lines need no scan.
height == 1 && !/["\/]/ { print FILENAME ":" FNR ":" $0; next }

{
  out = ""
  count = length($0)
  for (i = 1; i <= count; i++) {
    character = substr($0, i, 1)
    pair = substr($0, i, 2)
    triple = substr($0, i, 3)
    if (top() == "/") {
      if (pair == "/*") { push("/"); i++ }
      else if (pair == "*/") { height--; i++ }
    } else if (top() == "s" || top() == "m") {
      if (pair == "\\(") { push("c"); out = out " ("; i++ }
      else if (character == "\\") i++
      else if (top() == "s" && character == "\"") { height--; out = out character }
      else if (top() == "m" && triple == "\"\"\"") { height--; out = out triple; i += 2 }
    } else {
      if (pair == "//") break
      if (pair == "/*") { push("/"); i++; continue }
      if (triple == "\"\"\"") { push("m"); out = out triple; i += 2; continue }
      if (character == "\"") { push("s"); out = out character; continue }
      if (character == "(") parentheses[height]++
      # The parenthesis that ends an interpolation is one more than its code opened.
      if (character == ")" && --parentheses[height] < 0 && height > 1) { height--; out = out ") "; continue }
      out = out character
    }
  }
  for (i = 1; i <= height; i++) if (stack[i] == "s") height = i - 1
  print FILENAME ":" FNR ":" out
}
