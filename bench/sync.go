// Go's part of `./dev bench sync`: nanoseconds of each, as JSON. The names are those of sync.cpp.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// So many goroutines that only yield, the measuring one among them. Once for each of them is one of b.N.
func yields(ready int) func(*testing.B) {
	return func(b *testing.B) {
		over := false
		var others sync.WaitGroup
		others.Add(ready - 1)
		for i := 1; i < ready; i++ {
			go func() {
				for !over {
					runtime.Gosched()
				}
				others.Done()
			}()
		}
		runtime.Gosched()
		b.ResetTimer()
		for i := 0; i < b.N; i++ {
			runtime.Gosched()
		}
		b.StopTimer()
		over = true
		others.Wait()
	}
}

func spawnJoin(b *testing.B) {
	done := make(chan struct{})
	for i := 0; i < b.N; i++ {
		go func() { done <- struct{}{} }()
		<-done
	}
}

// spawnJoinElsewhere starts each goroutine on another thread than its own, which is its own alone.
func spawnJoinElsewhere(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	spawnJoin(b)
}

func channel(b *testing.B) {
	values := make(chan int)
	done := make(chan bool)
	go func() {
		for range values {
		}
		done <- true
	}()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		values <- 1
	}
	b.StopTimer()
	close(values)
	<-done
}

func mutex(b *testing.B) {
	var m sync.Mutex
	for i := 0; i < b.N; i++ {
		m.Lock()
		m.Unlock()
	}
}

// Each of the two does half of all: what counts is how long all takes, whoever is faster.
func contendedMutex(b *testing.B) {
	var m sync.Mutex
	var over sync.WaitGroup
	count := 0
	half := func() {
		defer over.Done()
		for i := 0; i < b.N/2; i++ {
			m.Lock()
			count++
			m.Unlock()
		}
	}
	over.Add(2)
	go half()
	half()
	over.Wait()
}

// pingPong is between two threads: a goroutine that is locked to its thread does not run on another's.
func pingPong(b *testing.B) {
	to, back := make(chan int), make(chan int)
	go func() {
		runtime.LockOSThread()
		for v := range to {
			back <- v
		}
		close(back)
	}()
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		to <- 1
		<-back
	}
	b.StopTimer()
	close(to)
	<-back
}

func main() {
	testing.Init()
	seconds := flag.String("time", "0.2s", "how long each is done")
	only := flag.String("only", "", "those alone whose name begins so")
	flag.Parse()
	flag.Set("test.benchtime", *seconds)
	figures := map[string]float64{}
	measure := func(name string, threads, operations int, f func(*testing.B)) { // `operations`: in one of b.N
		if !strings.HasPrefix(name, *only) {
			return
		}
		runtime.GOMAXPROCS(threads)
		r := testing.Benchmark(f)
		figures[name] = float64(r.T.Nanoseconds()) / float64(r.N) / float64(operations)
	}
	for _, ready := range []int{2, 100, 10000, 100000} {
		measure(fmt.Sprintf("go_yield/%d", ready), 1, ready, yields(ready))
	}
	measure("go_spawn_join", 1, 1, spawnJoin)
	measure("go_spawn_join_two_threads", 2, 1, spawnJoin)
	measure("go_spawn_join_elsewhere", 2, 1, spawnJoinElsewhere)
	measure("go_channel", 1, 1, channel)
	measure("go_mutex", 1, 1, mutex)
	measure("go_mutex_two_threads", 2, 1, contendedMutex)
	measure("go_ping_pong_two_threads", 2, 1, pingPong)
	json.NewEncoder(os.Stdout).Encode(figures)
}
