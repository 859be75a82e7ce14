// ZeroMQ: REQ/REP for ping-pong, DEALER/ROUTER for asks, PUSH/PULL for one-way messages.
//
// On each side one I/O thread of ZeroMQ and one thread of the program, which blocks in zmq_msg_recv. No high-water mark:
// the window is the bound. ZeroMQ sets TCP_NODELAY and batches by itself.

#include <string.h>
#include <thread>
#include <zmq.h>

#include "../kit/cxx/peer.hpp"

static void check(bool is_good, const char *what) {
  if (!is_good) throw std::runtime_error(std::string(what) + ": " + zmq_strerror(zmq_errno()));
}

class Socket {
 public:
  Socket(void *context, int type) : socket_(zmq_socket(context, type)) {
    check(socket_ != nullptr, "zmq_socket");
    for (int option : {ZMQ_SNDHWM, ZMQ_RCVHWM, ZMQ_LINGER}) {
      int zero = 0;
      check(zmq_setsockopt(socket_, option, &zero, sizeof zero) == 0, "zmq_setsockopt");
    }
  }

  // Binds to a port that the system chooses, and returns it.
  std::string bind() {
    check(zmq_bind(socket_, "tcp://127.0.0.1:*") == 0, "zmq_bind");
    char endpoint[256];
    size_t length = sizeof endpoint;
    check(zmq_getsockopt(socket_, ZMQ_LAST_ENDPOINT, endpoint, &length) == 0, "zmq_getsockopt");
    return std::string(strrchr(endpoint, ':') + 1);
  }

  void connect(const std::string &port) {
    check(zmq_connect(socket_, ("tcp://127.0.0.1:" + port).c_str()) == 0, "zmq_connect");
  }

  // Small messages are copied, as zmq_send does it; large ones are sent from where they are, which ends with the process.
  void send(const std::vector<char> &bytes) {
    if (bytes.size() < 4096) {
      check(zmq_send(socket_, bytes.data(), bytes.size(), 0) >= 0, "zmq_send");
      return;
    }
    zmq_msg_t message;
    check(zmq_msg_init_data(&message, const_cast<char *>(bytes.data()), bytes.size(), [](void *, void *) {}, nullptr) == 0,
          "zmq_msg_init_data");
    check(zmq_msg_send(&message, socket_, 0) >= 0, "zmq_msg_send");
  }

  // `message` is an initialised one, whose content is replaced.
  size_t receive(zmq_msg_t *message) {
    check(zmq_msg_recv(message, socket_, 0) >= 0, "zmq_msg_recv");
    return zmq_msg_size(message);
  }

  void send(zmq_msg_t *message, int flags) { check(zmq_msg_send(message, socket_, flags) >= 0, "zmq_msg_send"); }

 private:
  void *socket_;
};

// Answers each message with its own parts: what a ROUTER needs for its way back is among them.
static void echo(Socket socket) {
  zmq_msg_t part;
  zmq_msg_init(&part);
  while (true) {
    socket.receive(&part);
    socket.send(&part, zmq_msg_more(&part) ? ZMQ_SNDMORE : 0);
  }
}

// Counts messages, and says how many came when an empty one asks.
static void count(Socket messages, Socket confirmations) {
  zmq_msg_t message;
  zmq_msg_init(&message);
  uint64_t received = 0;
  while (true) {
    if (messages.receive(&message) > 0) {
      received++;
    } else {
      std::vector<char> bytes(sizeof received);
      memcpy(bytes.data(), &received, sizeof received);
      confirmations.send(bytes);
    }
  }
}

static void serve(void *context) {
  Socket rep(context, ZMQ_REP), router(context, ZMQ_ROUTER), pull(context, ZMQ_PULL), push(context, ZMQ_PUSH);
  std::string address = rep.bind() + "," + router.bind() + "," + pull.bind() + "," + push.bind();
  // One of them has something to do in a measurement, the others sleep.
  std::thread([=] { echo(rep); }).detach();
  std::thread([=] { echo(router); }).detach();
  std::thread([=] { count(pull, push); }).detach();
  peer::serve_until_input_ends(address);
}

static void run_asks(void *context, const peer::Options &options) {
  bool is_ping_pong = options.scenario == "ping-pong";
  Socket socket(context, is_ping_pong ? ZMQ_REQ : ZMQ_DEALER);
  socket.connect(options.port(is_ping_pong ? 0 : 1));
  std::vector<char> payload(options.payload, 'a');
  zmq_msg_t message;
  zmq_msg_init(&message);
  peer::keep_outstanding(
      options, [&](size_t) { socket.send(payload); },
      [&](size_t) {
        if (socket.receive(&message) != payload.size()) throw std::runtime_error("an answer of another length");
      });
}

static void run_one_way(void *context, const peer::Options &options) {
  Socket push(context, ZMQ_PUSH), confirmations(context, ZMQ_PULL);
  push.connect(options.port(2));
  confirmations.connect(options.port(3));
  std::vector<char> payload(options.payload, 'a'), question;
  zmq_msg_t message;
  zmq_msg_init(&message);
  uint64_t expected = 0;
  peer::keep_outstanding(
      options,
      [&](size_t batch) {
        for (size_t i = 0; i < batch; i++) push.send(payload);
        push.send(question);
      },
      [&](size_t batch) {
        uint64_t received;
        if (confirmations.receive(&message) != sizeof received) throw std::runtime_error("no count");
        memcpy(&received, zmq_msg_data(&message), sizeof received);
        expected += batch;
        if (received != expected) throw std::runtime_error("messages were lost");
      });
}

int main(int count, char **arguments) {
  peer::Options options(count, arguments);
  void *context = zmq_ctx_new();
  if (options.command == "serve") serve(context);
  else if (options.is_one_way()) run_one_way(context, options);
  else run_asks(context, options);
  fflush(stdout);
  // Without waiting for ZeroMQ's threads: nothing is left to send.
  _exit(0);
}
