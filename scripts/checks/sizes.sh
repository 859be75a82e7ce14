# shellcheck shell=bash disable=SC2154
# sizes: no Swift file in Sources is longer than one can review.

most_lines=400

check_sizes() {
  swift_files Sources | xargs -0 -r wc -l | lines -v ' total$' | sort -n >"$scratch/sizes"
  [[ -s $scratch/sizes ]] || return 0
  note "$(awk '{ size[NR] = $1 } END { print NR " files, median " size[int((NR + 1) / 2)] " lines, longest " size[NR] }' "$scratch/sizes")"
  awk -v most="$most_lines" '
    $1 > most { print $2 ": " $1 " lines, " most " are allowed"; bad = 1 }
    END { exit bad }' "$scratch/sizes"
}

plants_sizes() {
  local lines=() i
  for ((i = 0; i < most_lines; i++)); do lines+=('// planted'); done
  pass Sources/MailroomQueue/Planted.swift "${lines[@]}"
  plant 'Planted.swift: 401 lines' Sources/MailroomQueue/Planted.swift "${lines[@]}" '// one too many'
}
