#include "tests/integration/common/net_fixture.hpp"

#include "tests/support/temp_dir.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>

namespace fixture {

namespace {

constexpr const char* make_all = R"(set -e
new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
root() { new_key "$1.key"; openssl req -x509 -new -key "$1.key" -days 30 -subj "/CN=$1" -out "$1.pem" \
         -addext basicConstraints=critical,CA:TRUE; }
issue() { new_key "$1.key"; openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
          openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 30 -extfile "$3" -out "$1.pem"; }
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > server.ext
printf 'basicConstraints=critical,CA:TRUE\n' > ca.ext
printf 'basicConstraints=CA:FALSE\n' > device.ext
root ca; root other
issue server ca server.ext
openssl genrsa -out server-rsa.key 2048
openssl req -new -key server-rsa.key -subj "/CN=server-rsa" -out server-rsa.csr
openssl x509 -req -in server-rsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile server.ext -out server-rsa.pem
issue intermediate ca ca.ext
issue device-7 intermediate device.ext
cat device-7.pem intermediate.pem > device-chain.pem
)";

certificates make() {
    static const support::temp_dir directory;
    const std::string path = directory.path().string();
    std::ofstream(path + "/make.sh") << make_all;
    const std::string command = "cd '" + path + "' && sh make.sh >make.log 2>&1";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("openssl could not make the certificates: " + path);
    certificates made;
    made.ca = path + "/ca.pem";
    made.server = path + "/server.pem";
    made.server_key = path + "/server.key";
    made.server_rsa = path + "/server-rsa.pem";
    made.server_rsa_key = path + "/server-rsa.key";
    made.device_chain = path + "/device-chain.pem";
    made.device_key = path + "/device-7.key";
    made.other_ca = path + "/other.pem";
    return made;
}

} // namespace

const certificates& certificates::get() {
    static const certificates made = make();
    return made;
}

std::shared_ptr<net::tls_context> server_tls(bool ask_for_client) {
    net::tls_server_options options;
    options.certificate = certificates::get().server;
    options.key = certificates::get().server_key;
    options.ask_for_client_certificate = ask_for_client;
    return net::tls_context::server(std::move(options)).value();
}

std::shared_ptr<net::tls_context> client_tls(bool with_device_certificate) {
    net::tls_client_options options;
    options.ca_file = certificates::get().ca;
    if (with_device_certificate) {
        options.certificate = certificates::get().device_chain;
        options.key = certificates::get().device_key;
    }
    return net::tls_context::client(std::move(options)).value();
}

void run(asio::io_context& loop, asio::awaitable<void> body) {
    bool done = false;
    std::exception_ptr thrown;
    asio::co_spawn(loop, std::move(body), [&](std::exception_ptr error) {
        done = true;
        thrown = std::move(error);
    });
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    loop.restart();
    while (!done && std::chrono::steady_clock::now() < deadline) loop.run_one_for(1s);
    if (thrown) std::rethrow_exception(thrown);
    REQUIRE(done);
    loop.poll();
}

asio::awaitable<std::unique_ptr<raw_peer>> raw_peer::connect(std::uint16_t port,
                                                             std::shared_ptr<net::tls_context> tls) {
    auto connected = co_await net::connect_transport("127.0.0.1", port, std::move(tls), 10s);
    co_return std::make_unique<raw_peer>(std::move(connected).value());
}

asio::awaitable<core::error_code> raw_peer::send(std::string bytes) {
    std::string_view left = bytes;
    while (!left.empty()) {
        const auto put = transport_->write_some(core::as_bytes(left));
        if (put.error) co_return put.error;
        left.remove_prefix(put.bytes);
        if (!put.would_block) continue;
        const auto error = co_await transport_->wait_writable();
        if (error) co_return error;
    }
    co_return core::error_code();
}

asio::awaitable<std::string> raw_peer::receive(std::string until) {
    std::string got;
    while (until.empty() || got.find(until) == std::string::npos) {
        std::byte some[1000];
        const auto read = transport_->read_some(some);
        if (read.error) break;
        got += core::as_text({some, read.bytes});
        if (!read.would_block) continue;
        const auto error = co_await transport_->wait_readable();
        if (error) break;
    }
    co_return got;
}

} // namespace fixture
