// What the C++ peers share: the command line, the clock, the results, and how a closed loop is kept.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <stdexcept>
#include <string>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace peer {

inline uint64_t now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return uint64_t(time.tv_sec) * 1'000'000'000 + uint64_t(time.tv_nsec);
}

struct Options {
  std::string command, address, scenario;
  size_t payload = 16, window = 128;
  double seconds = 2, warmup = 0.5;

  Options(int count, char **arguments) {
    command = count > 1 ? arguments[1] : "";
    for (int i = 2; i + 1 < count; i += 2) {
      std::string name = arguments[i], value = arguments[i + 1];
      if (name == "--address") address = value;
      else if (name == "--scenario") scenario = value;
      else if (name == "--payload") payload = std::stoul(value);
      else if (name == "--window") window = std::stoul(value);
      else if (name == "--seconds") seconds = std::stod(value);
      else if (name == "--warmup") warmup = std::stod(value);
      else throw std::runtime_error("unknown option " + name);
    }
    // An empty message asks for a confirmation.
    if (payload == 0 || window == 0) throw std::runtime_error("payload and window are at least 1");
  }

  bool is_one_way() const { return scenario == "one-way"; }

  // The `index`th of the ports that the server announced, with commas between them.
  std::string port(size_t index) const {
    size_t from = 0;
    for (; index > 0; index--) from = address.find(',', from) + 1;
    return address.substr(from, address.find(',', from) - from);
  }
};

// Nanoseconds, counted in buckets that are at most 1 % wide.
class Histogram {
 public:
  void add(uint64_t value) {
    buckets_[index(value)]++;
    total_++;
  }

  double microseconds_at(double percentile) const {
    auto wanted = uint64_t(percentile / 100 * double(total_));
    uint64_t seen = 0;
    for (size_t i = 0; i < buckets_.size(); i++) {
      seen += buckets_[i];
      if (seen > wanted) return double(lowest(i)) / 1000;
    }
    return 0;
  }

 private:
  // Values below 256 are exact; above, the 7 bits behind the highest one count.
  static size_t index(uint64_t value) {
    if (value < 256) return value;
    int shift = 63 - __builtin_clzll(value) - 7;
    return size_t(shift) * 128 + size_t(value >> shift);
  }

  static uint64_t lowest(size_t index) {
    if (index < 256) return index;
    size_t shift = index / 128 - 1;
    return uint64_t(index - shift * 128) << shift;
  }

  std::vector<uint64_t> buckets_ = std::vector<uint64_t>(64 * 128);
  uint64_t total_ = 0;
};

// What came back while counting was on, and how long it took.
class Recorder {
 public:
  explicit Recorder(const Options &options)
      : start_(now() + uint64_t(options.warmup * 1e9)), end_(start_ + uint64_t(options.seconds * 1e9)) {}

  // Counts `messages` that were sent at `begin` and are done now, if they were sent while counting. Returns whether to go on.
  bool record(uint64_t begin, uint64_t messages) {
    uint64_t done = now();
    if (begin >= start_) {
      messages_ += messages;
      last_ = done;
      latencies_.add(done - begin);
    }
    return done < end_;
  }

  void print() const {
    printf("{\"messages\": %llu, \"seconds\": %.6f, \"p50_us\": %.3f, \"p99_us\": %.3f}\n",
           static_cast<unsigned long long>(messages_), last_ > start_ ? double(last_ - start_) / 1e9 : 0.0,
           latencies_.microseconds_at(50), latencies_.microseconds_at(99));
  }

 private:
  uint64_t start_, end_, last_ = 0, messages_ = 0;
  Histogram latencies_;
};

// One-way messages go in batches, each followed by a question that the receiver answers once it has handled them. With two
// batches on their way at a time, of half a window each, the connection never runs dry and never holds more than a window.
struct Pacing {
  size_t batch, outstanding;

  explicit Pacing(const Options &options)
      : batch(options.is_one_way() ? std::max<size_t>(1, options.window / 2) : 1),
        outstanding(options.is_one_way() ? std::min<size_t>(2, options.window) : options.window) {}
};

// Keeps as much on its way as the pacing says, until time is up. `ask` sends a request, or a batch and its question;
// `answer` waits for the next answer. Answers come in the order of the requests.
template <class Ask, class Answer>
void keep_outstanding(const Options &options, Ask ask, Answer answer) {
  Pacing pacing(options);
  Recorder recorder(options);
  std::deque<uint64_t> begins;
  for (size_t i = 0; i < pacing.outstanding; i++) {
    begins.push_back(now());
    ask(pacing.batch);
  }
  while (!begins.empty()) {
    answer(pacing.batch);
    uint64_t begin = begins.front();
    begins.pop_front();
    if (recorder.record(begin, pacing.batch)) {
      begins.push_back(now());
      ask(pacing.batch);
    }
  }
  recorder.print();
}

// Says where the server listens, and ends the process when standard input ends.
inline void serve_until_input_ends(const std::string &address) {
  printf("listening on %s\n", address.c_str());
  fflush(stdout);
  char byte;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  _exit(0);
}

}  // namespace peer
