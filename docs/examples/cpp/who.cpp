// Print who comes and goes.
//
// apt install g++ cppzmq-dev nlohmann-json3-dev
// g++ -std=c++17 -o who who.cpp -lzmq
// ./who ipc:///home/me/facestream/var/run/events

#include <iostream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>
#include <zmq.hpp>
#include <zmq_addon.hpp>

using nlohmann::json;
using Visits = std::map<std::string, std::string>;  // the id of a visit, and who it is
using Tracks = std::map<std::string, std::pair<std::string, std::string>>;  // track to both

void say_what_changed(const std::string& camera, const Visits& before, const Visits& now) {
    for (const auto& [visit, who] : before) {
        const auto found = now.find(visit);
        if (found == now.end())
            std::cout << camera << ": " << who << " goes" << std::endl;
        else if (found->second != who)
            std::cout << camera << ": " << who << " is " << found->second << std::endl;
    }
    for (const auto& [visit, who] : now)
        if (!before.count(visit)) std::cout << camera << ": " << who << " comes" << std::endl;
}

void add(Tracks& tracks, const json& one) {
    const auto& who = one.at("identity").is_null() ? one.at("stranger") : one.at("identity");
    tracks[one.at("track")] = {one.at("visit"), who};
}

int main(int count, char** arguments) {
    if (count != 2) {
        std::cerr << "usage: who ADDRESS" << std::endl;
        return 2;
    }
    zmq::context_t context;
    zmq::socket_t socket(context, zmq::socket_type::sub);
    // Over tcp, with a key: zmq::sockopt::curve_publickey, curve_secretkey and curve_serverkey
    socket.set(zmq::sockopt::rcvhwm, 1000);
    socket.set(zmq::sockopt::subscribe, "identity/");
    socket.set(zmq::sockopt::subscribe, "presence/");
    socket.connect(arguments[1]);

    std::map<std::string, Tracks> tracks;  // of each camera
    std::map<std::string, Visits> shown;
    for (;;) {
        std::vector<zmq::message_t> parts;
        if (!zmq::recv_multipart(socket, std::back_inserter(parts)) || parts.size() < 2) continue;
        const auto* header = parts[1].data<std::uint8_t>();
        const json event = json::from_msgpack(header, header + parts[1].size());
        if (event.at("v") != 2) continue;
        const bool everybody = event.at("type") == "PresenceEvent";
        if (!everybody && event.at("type") != "IdentityEvent") continue;
        const std::string camera = event.at("camera");
        Tracks& here = tracks[camera];
        if (everybody) {  // heals what was lost on the way
            here.clear();
            for (const json& one : event.at("present")) add(here, one);
        } else if (event.at("event") == "exit") {
            here.erase(event.at("track"));
        } else {
            add(here, event);
        }
        Visits now;  // a visit goes on while one of its tracks does
        for (const auto& [track, one] : here) now[one.first] = one.second;
        say_what_changed(camera, shown[camera], now);
        shown[camera] = now;
    }
}
