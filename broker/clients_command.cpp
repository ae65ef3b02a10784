#include "broker/clients_command.hpp"

#include "broker/admin/gatekeeper.hpp"
#include "common/core/percent.hpp"
#include "common/net/http_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <simdjson.h>

#include <optional>
#include <ostream>

namespace broker {

namespace asio = boost::asio;

namespace {

/// Asks on a loop of its own.
class asker {
  public:
    asker(const config& settings, std::string token)
        : base_("http://127.0.0.1:" + std::to_string(settings.ops_port)), token_(std::move(token)),
          client_(loop_.get_executor(), net::http_client_options()) {}

    core::result<net::http_response> ask(std::string method, const std::string& path) {
        net::http_request_out request(std::move(method), base_ + path);
        request.headers.set("Authorization", "Bearer " + token_);
        std::optional<core::result<net::http_response>> answer;
        asio::co_spawn(loop_, client_.request(std::move(request)),
                       [&](const std::exception_ptr&, core::result<net::http_response> got) {
                           answer = std::move(got);
                           client_.stop(); // the loop ends when no connection is kept
                       });
        loop_.restart();
        loop_.run();
        if (answer) return std::move(*answer);
        return boost::system::errc::make_error_code(boost::system::errc::not_connected);
    }

  private:
    asio::io_context loop_{1};
    std::string base_;
    std::string token_;
    net::http_client client_;
};

int refused(const core::result<net::http_response>& answer, std::ostream& err) {
    if (answer)
        err << "HTTP " << answer->status << " " << answer->body << "\n";
    else
        err << "the ops port does not answer: " << answer.error().message() << "\n";
    return 1;
}

/// Prints one page; returns where the next begins, empty after the last.
std::string print_page(const std::string& body, std::ostream& out) {
    simdjson::dom::parser parser;
    simdjson::dom::element page;
    simdjson::dom::array clients;
    if (parser.parse(body).get(page) != simdjson::SUCCESS || page["clients"].get(clients) != simdjson::SUCCESS)
        return {};
    for (const auto one : clients) out << simdjson::minify(one) << "\n";
    std::string_view next;
    return page["next"].get(next) == simdjson::SUCCESS ? std::string(next) : std::string();
}

int list(const clients_request& wanted, const config& settings, const std::string& token, std::ostream& out,
         std::ostream& err) {
    std::string after;
    do {
        const auto path = "/clients?limit=1000&tenant=" + core::percent_encode(wanted.tenant) +
                          "&client=" + core::percent_encode(wanted.client) + "&after=" + core::percent_encode(after);
        const auto answer = asker(settings, token).ask("GET", path);
        if (!answer || answer->status != 200) return refused(answer, err);
        after = print_page(answer->body, out);
    } while (!after.empty());
    return 0;
}

int disconnect(const clients_request& wanted, const config& settings, const std::string& token, std::ostream& err) {
    const auto path = "/clients/" + core::percent_encode(wanted.words[2]) + "/" + core::percent_encode(wanted.words[3]);
    const auto answer = asker(settings, token).ask("DELETE", path);
    return answer && answer->status == 204 ? 0 : refused(answer, err);
}

} // namespace

int run_clients_command(const clients_request& wanted, const config& settings, std::ostream& out, std::ostream& err) {
    std::string why_not = "ops.token_file is not set in " + settings.file;
    std::string token;
    if (!settings.ops_token_file.empty()) token = admin::gatekeeper::read_token(settings.ops_token_file, why_not);
    if (token.empty()) {
        err << why_not << "\n";
        return 2;
    }
    const auto& words = wanted.words;
    if (words.size() == 2 && words[1] == "list") return list(wanted, settings, token, out, err);
    if (words.size() == 4 && words[1] == "disconnect") return disconnect(wanted, settings, token, err);
    err << "give `clients list` or `clients disconnect TENANT CLIENT`\n";
    return 2;
}

} // namespace broker
