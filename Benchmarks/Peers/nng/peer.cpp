// nng: REQ/REP for ping-pong, REQ/REP with one context per outstanding request for asks, PAIR1 for one-way messages.
//
// nng's own threads do the I/O and call the contexts' functions: two per core, its default. Ping-pong and one-way messages
// block in nng_recvmsg on one more thread. nng sets TCP_NODELAY. PAIR1 and not PUSH/PULL, because that is several times
// faster here; its buffers are the largest that nng takes.

#include <condition_variable>
#include <mutex>
#include <nng/nng.h>
#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <string.h>
#include <thread>

#include "../kit/cxx/peer.hpp"

// As many requests as the server handles at a time.
static const size_t most_contexts = 1024;

static void check(int result, const char *what) {
  if (result == 0) return;
  fprintf(stderr, "%s: %s\n", what, nng_strerror(result));
  _exit(1);
}

static nng_socket open(int (*opener)(nng_socket *)) {
  nng_socket socket;
  check(opener(&socket), "open");
  check(nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, 0), "set RECVMAXSZ");
  return socket;
}

static nng_socket open_pair() {
  nng_socket socket = open(nng_pair1_open);
  check(nng_socket_set_int(socket, NNG_OPT_SENDBUF, 8192), "set SENDBUF");
  check(nng_socket_set_int(socket, NNG_OPT_RECVBUF, 8192), "set RECVBUF");
  return socket;
}

// Listens on a port that the system chooses, and returns it.
static std::string listen(nng_socket socket) {
  nng_listener listener;
  check(nng_listen(socket, "tcp://127.0.0.1:0", &listener, 0), "nng_listen");
  nng_sockaddr address;
  check(nng_listener_get_addr(listener, NNG_OPT_LOCADDR, &address), "nng_listener_get_addr");
  return std::to_string(__builtin_bswap16(address.s_in.sa_port));
}

static void dial(nng_socket socket, const std::string &port) {
  check(nng_dial(socket, ("tcp://127.0.0.1:" + port).c_str(), nullptr, 0), "nng_dial");
}

static void send(nng_socket socket, const std::vector<char> &bytes) {
  nng_msg *message;
  check(nng_msg_alloc(&message, bytes.size()), "nng_msg_alloc");
  memcpy(nng_msg_body(message), bytes.data(), bytes.size());
  check(nng_sendmsg(socket, message, 0), "nng_sendmsg");
}

static nng_msg *receive(nng_socket socket) {
  nng_msg *message;
  check(nng_recvmsg(socket, &message, 0), "nng_recvmsg");
  return message;
}

// --- the server ------------------------------------------------------------------------------------------------------

// Receives a request, sends it back, and begins again.
class Responder {
 public:
  explicit Responder(nng_socket socket) {
    check(nng_ctx_open(&context_, socket), "nng_ctx_open");
    check(nng_aio_alloc(&aio_, [](void *self) { static_cast<Responder *>(self)->go_on(); }, this), "nng_aio_alloc");
    nng_ctx_recv(context_, aio_);
  }

 private:
  void go_on() {
    check(nng_aio_result(aio_), "answering");
    is_sending_ = !is_sending_;
    // The message stays in the aio: what was received is sent.
    if (is_sending_) nng_ctx_send(context_, aio_);
    else nng_ctx_recv(context_, aio_);
  }

  nng_ctx context_;
  nng_aio *aio_;
  bool is_sending_ = false;
};

// Counts messages, and says how many came when an empty one asks.
static void count(nng_socket socket) {
  uint64_t received = 0;
  while (true) {
    nng_msg *message = receive(socket);
    if (nng_msg_len(message) > 0) {
      received++;
      nng_msg_free(message);
    } else {
      check(nng_msg_append(message, &received, sizeof received), "nng_msg_append");
      check(nng_sendmsg(socket, message, 0), "nng_sendmsg");
    }
  }
}

static void serve() {
  nng_socket rep = open(nng_rep0_open), pair = open_pair();
  std::vector<Responder *> responders;
  for (size_t i = 0; i < most_contexts; i++) responders.push_back(new Responder(rep));
  std::thread([=] { count(pair); }).detach();
  std::string address = listen(rep);
  peer::serve_until_input_ends(address + "," + listen(pair));
}

// --- the client ------------------------------------------------------------------------------------------------------

// What the requests of a run share.
struct Run {
  const peer::Options &options;
  peer::Recorder recorder;
  std::mutex lock;
  std::condition_variable ended;
  size_t running;

  explicit Run(const peer::Options &options) : options(options), recorder(options), running(options.window) {}
};

// Sends a request, receives its answer, and begins again until time is up.
class Requester {
 public:
  Requester(nng_socket socket, Run &run) : run_(run) {
    check(nng_ctx_open(&context_, socket), "nng_ctx_open");
    check(nng_aio_alloc(&aio_, [](void *self) { static_cast<Requester *>(self)->go_on(); }, this), "nng_aio_alloc");
    ask();
  }

 private:
  void ask() {
    nng_msg *message;
    begin_ = peer::now();
    check(nng_msg_alloc(&message, run_.options.payload), "nng_msg_alloc");
    memset(nng_msg_body(message), 'a', run_.options.payload);
    nng_aio_set_msg(aio_, message);
    is_sending_ = true;
    nng_ctx_send(context_, aio_);
  }

  void go_on() {
    check(nng_aio_result(aio_), "asking");
    if (is_sending_) {
      is_sending_ = false;
      nng_ctx_recv(context_, aio_);
      return;
    }
    nng_msg *answer = nng_aio_get_msg(aio_);
    check(nng_msg_len(answer) == run_.options.payload ? 0 : NNG_EPROTO, "an answer of another length");
    nng_msg_free(answer);
    if (did_record()) ask();
  }

  bool did_record() {
    std::lock_guard<std::mutex> guard(run_.lock);
    if (run_.recorder.record(begin_, 1)) return true;
    if (--run_.running == 0) run_.ended.notify_one();
    return false;
  }

  Run &run_;
  nng_ctx context_;
  nng_aio *aio_;
  bool is_sending_;
  uint64_t begin_;
};

static void run_asks(const peer::Options &options) {
  if (options.window > most_contexts) throw std::runtime_error("the window is at most 1024");
  nng_socket req = open(nng_req0_open);
  dial(req, options.port(0));
  Run run(options);
  std::vector<Requester *> requesters;
  for (size_t i = 0; i < options.window; i++) requesters.push_back(new Requester(req, run));
  std::unique_lock<std::mutex> guard(run.lock);
  run.ended.wait(guard, [&] { return run.running == 0; });
  run.recorder.print();
}

static void run_ping_pong(const peer::Options &options) {
  nng_socket req = open(nng_req0_open);
  dial(req, options.port(0));
  std::vector<char> payload(options.payload, 'a');
  peer::keep_outstanding(
      options, [&](size_t) { send(req, payload); },
      [&](size_t) {
        nng_msg *answer = receive(req);
        check(nng_msg_len(answer) == payload.size() ? 0 : NNG_EPROTO, "an answer of another length");
        nng_msg_free(answer);
      });
}

static void run_one_way(const peer::Options &options) {
  nng_socket pair = open_pair();
  dial(pair, options.port(1));
  std::vector<char> payload(options.payload, 'a');
  uint64_t expected = 0;
  peer::keep_outstanding(
      options,
      [&](size_t batch) {
        for (size_t i = 0; i < batch; i++) send(pair, payload);
        send(pair, {});
      },
      [&](size_t batch) {
        nng_msg *answer = receive(pair);
        uint64_t received = 0;
        if (nng_msg_len(answer) == sizeof received) memcpy(&received, nng_msg_body(answer), sizeof received);
        nng_msg_free(answer);
        expected += batch;
        check(received == expected ? 0 : NNG_EPROTO, "messages were lost");
      });
}

int main(int count, char **arguments) {
  peer::Options options(count, arguments);
  if (options.command == "serve") serve();
  else if (options.is_one_way()) run_one_way(options);
  else if (options.scenario == "ping-pong") run_ping_pong(options);
  else run_asks(options);
  fflush(stdout);
  // Without waiting for nng's threads: nothing is left to send.
  _exit(0);
}
