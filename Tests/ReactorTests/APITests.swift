// docs/API.md lists what the library offers: nothing is added or taken away unseen.

import Testing

@Suite(.noLoop, .timeLimit(.minutes(5)))
struct APITests {
    @Test func `every public type and free function is listed`() throws {
        let listed = Set(try PublicInterface.listed())
        for name in PublicInterface.declared().subtracting(listed).sorted() {
            Issue.record("\(name) is public. Fix: list it in docs/API.md, or make it internal")
        }
    }

    @Test func `what is listed exists`() throws {
        let declared = PublicInterface.declared()
        for name in try PublicInterface.listed() where !declared.contains(name) {
            Issue.record("docs/API.md lists \(name), which is not public. Fix: take it out")
        }
    }

    @Test func `nothing is listed twice`() throws {
        var seen: Set<String> = []
        for name in try PublicInterface.listed() where !seen.insert(name).inserted {
            Issue.record("docs/API.md lists \(name) twice. Fix: keep the better line")
        }
    }

    @Test func `the reader of the sources knows every kind of declaration`() {
        let names = PublicInterface.declared()
        #expect(names.contains("EventLoop"))
        #expect(names.contains("ByteReader"))
        #expect(names.contains("ShutdownReport.Holdup.Kind"))
        #expect(names.contains("copy()"))
        #expect(!names.contains("LoopCore"))
        #expect(!names.contains("Chunks.AsyncIterator"))
    }
}
