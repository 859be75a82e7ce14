// Cap'n Proto: calls of an interface over its two-party RPC; streaming calls for one-way messages.
//
// One thread on each side, in KJ's event loop. TCP_NODELAY is set.

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <thread>

#include "../kit/cxx/peer.hpp"
#include "echo.capnp.h"

// Messages of up to 1 MiB come whole.
static capnp::ReaderOptions reader_options() {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = 1 << 26;
  return options;
}

static void set_nodelay(kj::AsyncIoStream &stream) {
  int one = 1;
  stream.setsockopt(IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

// --- the server ------------------------------------------------------------------------------------------------------

class EchoServer final : public Echo::Server {
  kj::Promise<void> ask(AskContext context) override {
    auto payload = context.getParams().getPayload();
    context.initResults(capnp::MessageSize{payload.size() / sizeof(capnp::word) + 16, 0}).setPayload(payload);
    return kj::READY_NOW;
  }

  kj::Promise<void> send(SendContext) override {
    received_++;
    return kj::READY_NOW;
  }

  kj::Promise<void> received(ReceivedContext context) override {
    context.getResults().setCount(received_);
    return kj::READY_NOW;
  }

  uint64_t received_ = 0;
};

// Serves one connection after the other.
static void serve() {
  auto io = kj::setupAsyncIo();
  auto listener = io.provider->getNetwork().parseAddress("127.0.0.1:0").wait(io.waitScope)->listen();
  std::thread(peer::serve_until_input_ends, std::to_string(listener->getPort())).detach();
  while (true) {
    auto stream = listener->accept().wait(io.waitScope);
    set_nodelay(*stream);
    capnp::TwoPartyVatNetwork network(*stream, capnp::rpc::twoparty::Side::SERVER, reader_options());
    auto rpc = capnp::makeRpcServer(network, kj::heap<EchoServer>());
    network.onDisconnect().wait(io.waitScope);
  }
}

// --- the client ------------------------------------------------------------------------------------------------------

class Client {
 public:
  Client(const peer::Options &options, Echo::Client echo)
      : options_(options), pacing_(options), echo_(kj::mv(echo)), recorder_(options), payload_(options.payload, 'a') {}

  kj::Promise<void> run() {
    auto lanes = kj::heapArrayBuilder<kj::Promise<void>>(pacing_.outstanding);
    for (size_t i = 0; i < pacing_.outstanding; i++) lanes.add(options_.is_one_way() ? send_batch() : ask());
    return kj::joinPromises(lanes.finish()).then([this] { recorder_.print(); });
  }

 private:
  kj::ArrayPtr<const kj::byte> payload() const { return {payload_.data(), payload_.size()}; }

  // Asks, and asks again when the answer is there, until time is up.
  kj::Promise<void> ask() {
    uint64_t begin = peer::now();
    auto request = echo_.askRequest(capnp::MessageSize{payload_.size() / sizeof(capnp::word) + 16, 0});
    request.setPayload(payload());
    return request.send().then([this, begin](capnp::Response<Echo::AskResults> &&answer) -> kj::Promise<void> {
      KJ_REQUIRE(answer.getPayload().size() == payload_.size(), "an answer of another length");
      if (!recorder_.record(begin, 1)) return kj::READY_NOW;
      return ask();
    });
  }

  kj::Promise<void> send_batch() { return send(pacing_.batch, peer::now()); }

  // Sends `left` messages, each when Cap'n Proto is ready for it, then waits for their confirmation.
  kj::Promise<void> send(size_t left, uint64_t begin) {
    if (left == 0) return confirm(begin);
    auto request = echo_.sendRequest(capnp::MessageSize{payload_.size() / sizeof(capnp::word) + 16, 0});
    request.setPayload(payload());
    return request.send().then([this, left, begin] { return send(left - 1, begin); });
  }

  kj::Promise<void> confirm(uint64_t begin) {
    return echo_.receivedRequest().send().then(
        [this, begin](capnp::Response<Echo::ReceivedResults> &&answer) -> kj::Promise<void> {
          confirmed_ += pacing_.batch;
          // Two batches are under way; the other one may be counted as well.
          KJ_REQUIRE(answer.getCount() >= confirmed_, "messages were lost");
          if (!recorder_.record(begin, pacing_.batch)) return kj::READY_NOW;
          return send_batch();
        });
  }

  const peer::Options &options_;
  peer::Pacing pacing_;
  Echo::Client echo_;
  peer::Recorder recorder_;
  std::vector<kj::byte> payload_;
  uint64_t confirmed_ = 0;
};

static void run(const peer::Options &options) {
  auto io = kj::setupAsyncIo();
  auto address = io.provider->getNetwork().parseAddress("127.0.0.1:" + options.address).wait(io.waitScope);
  auto stream = address->connect().wait(io.waitScope);
  set_nodelay(*stream);
  capnp::TwoPartyClient connection(*stream);
  Client client(options, connection.bootstrap().castAs<Echo>());
  client.run().wait(io.waitScope);
  fflush(stdout);
  _exit(0);
}

int main(int count, char **arguments) {
  peer::Options options(count, arguments);
  if (options.command == "serve") serve();
  else run(options);
}
