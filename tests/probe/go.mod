// What tests run as a container: it waits, answers and asks.
module vouchsafe.test/probe

go 1.24.0
