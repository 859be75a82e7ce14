# shellcheck shell=bash disable=SC2154
# sleeps: no test sleeps. A test that sleeps is slow on a fast machine and wrong on a slow one: wait for the thing itself,
# with a deadline. What takes no argument is not meant: a queue's consumer sleeps without sleeping.

check_sleeps() {
  code Tests | forbid 'a test sleeps' '' '\b(uv_sleep|u?sleep|(clock_)?nanosleep) *\([^)]'
}

plants_sleeps() {
  local call
  for call in 'sleep(1)' 'usleep(1)' 'nanosleep(&time, nil)' 'try await Task.sleep(for: .seconds(1))' \
    'Thread.sleep(forTimeInterval: 1)' 'try await clock.sleep (until: .now)'; do
    plant 'a test sleeps' Tests/MailroomTests/Planted.swift "func planted() async throws { $call }"
  done
  pass Tests/MailroomTests/Planted.swift '// sleep(1)' 'func testWakesWhoSleeps() { isAsleep(1); queue.sleep() }'
}
