use super::*;

fn bounds(connections: usize, per_network: usize) -> Bounds {
    Bounds {
        connections,
        per_network,
        bodies: 1,
        protection: Duration::from_mins(1),
        newness: Duration::from_mins(1),
    }
}

fn places(connections: usize, per_network: usize) -> Arc<Places> {
    Places::new(bounds(connections, per_network))
}

fn peer(number: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, number])
}

fn is_evicted(place: &mut Place) -> bool {
    place.ending.try_recv() == Ok(Ending::Evicted)
}

/// Time enough to tell who was first.
fn pass() {
    std::thread::sleep(Duration::from_millis(3));
}

#[test]
fn the_longest_idle_connection_makes_room() {
    let places = places(3, 3);
    let mut open: Vec<Place> = (1..=3)
        .map(|number| {
            let place = places.enter(peer(number)).unwrap();
            pass();
            place
        })
        .collect();
    open[0].activity.note_request();
    let mut next = places.enter(peer(9)).unwrap();
    assert!(is_evicted(&mut open[1]));
    assert!(!is_evicted(&mut open[0]) && !is_evicted(&mut open[2]) && !is_evicted(&mut next));
}

#[test]
fn who_just_asked_keeps_its_place() {
    let places = places(1, 1);
    let place = places.enter(peer(1)).unwrap();
    place.activity.note_request();
    assert!(places.enter(peer(2)).is_none());
    drop(place);
    assert!(places.enter(peer(2)).is_some());
}

#[test]
fn a_peer_cannot_take_the_places_of_others() {
    let places = places(4, 2);
    let mut other = places.enter(peer(1)).unwrap();
    pass();
    let mut greedy: Vec<Place> = (0..5)
        .map(|_| {
            pass();
            places.enter(peer(2)).unwrap()
        })
        .collect();
    assert!(!is_evicted(&mut other));
    let evicted: Vec<bool> = greedy.iter_mut().map(is_evicted).collect();
    assert_eq!(evicted, [true, true, true, false, false]);
}

#[test]
fn the_peer_with_most_connections_makes_room_first() {
    let places = places(3, 3);
    let mut single = places.enter(peer(1)).unwrap();
    pass();
    let mut first = places.enter(peer(2)).unwrap();
    pass();
    let second = places.enter(peer(2)).unwrap();
    let third = places.enter(peer(3)).unwrap();
    assert!(is_evicted(&mut first) && !is_evicted(&mut single));
    drop((second, third));
}

/// A connection that has just asked.
fn busy(places: &Arc<Places>, address: IpAddr) -> Place {
    let place = places.enter(address).unwrap();
    place.activity.note_request();
    place
}

fn count_evicted(places: &mut [Place]) -> usize {
    places
        .iter_mut()
        .filter_map(|place| is_evicted(place).then_some(()))
        .count()
}

#[test]
fn a_peer_that_asks_all_the_time_leaves_room_for_others() {
    let places = places(128, 128);
    let mut greedy: Vec<Place> = (0..128).map(|_| busy(&places, peer(1))).collect();
    assert!(places.enter(peer(1)).is_none());
    let mut others: Vec<Place> = (0..4).map(|_| places.enter(peer(2)).unwrap()).collect();
    // Who has more does not push aside who has just come.
    assert!(places.enter(peer(1)).is_none());
    assert!(!others.iter_mut().any(is_evicted));
    assert_eq!(count_evicted(&mut greedy), 4);
}

#[test]
fn who_has_no_more_than_the_new_one_would_keeps_it_in_use() {
    let places = places(128, 128);
    let mut pairs: Vec<Place> = (1..=64)
        .flat_map(|number| [busy(&places, peer(number)), busy(&places, peer(number))])
        .collect();
    let mut first = busy(&places, peer(100));
    assert_eq!(count_evicted(&mut pairs), 1);
    // With a second one it would have as many as those who had to give it.
    assert!(places.enter(peer(100)).is_none());
    // Who had to give one has it as well as the new one now.
    (1..=64).for_each(|number| assert!(places.enter(peer(number)).is_none()));
    assert!(count_evicted(&mut pairs) == 0 && !is_evicted(&mut first));
}

/// All places, in use by 64 addresses with as many each.
fn shared_out(places: &Arc<Places>) -> Vec<Place> {
    (1..=64)
        .flat_map(|number| std::iter::repeat_n(peer(number), 16))
        .map(|address| busy(places, address))
        .collect()
}

#[test]
fn who_has_nothing_gets_in_beside_64_that_share_everything_and_stays() {
    let places = places(1024, 256);
    let mut greedy = shared_out(&places);
    let mut honest: Vec<Place> = (0..4).map(|_| busy(&places, peer(100))).collect();
    assert_eq!(count_evicted(&mut greedy), 4);
    for _ in 0..8 {
        let again = (1..=64).filter_map(|number| places.enter(peer(number)));
        greedy.extend(again.inspect(|place| place.activity.note_request()));
    }
    assert_eq!(count_evicted(&mut honest), 0);
    let mut others: Vec<Place> = (101..=200).map(|n| busy(&places, peer(n))).collect();
    assert_eq!(count_evicted(&mut honest) + count_evicted(&mut others), 0);
}

#[test]
fn who_has_many_leaves_the_idle_connection_of_who_has_less() {
    let places = Places::new(Bounds {
        newness: Duration::ZERO,
        ..bounds(1024, 256)
    });
    let mut greedy = shared_out(&places);
    let mut idle = places.enter(peer(100)).unwrap();
    assert_eq!(count_evicted(&mut greedy), 1);
    (1..=64).for_each(|number| assert!(places.enter(peer(number)).is_none()));
    assert!(!is_evicted(&mut idle));
    // Who has few does not have to go without.
    assert!(places.enter(peer(101)).is_some() && is_evicted(&mut idle));
}

#[test]
fn as_many_peers_as_there_are_places_leave_none() {
    let places = places(128, 128);
    let mut all: Vec<Place> = (1..=128).map(|n| busy(&places, peer(n))).collect();
    assert!(places.enter(peer(200)).is_none());
    assert_eq!(count_evicted(&mut all), 0);
    drop(all.pop());
    assert!(places.enter(peer(200)).is_some());
}

/// An address in the network of this number.
fn address(network: u16, host: u16) -> IpAddr {
    IpAddr::from([0x2001, 0xdb8, 0, network, 0, 0, 0, host])
}

#[test]
fn a_network_of_ipv6_is_one_peer_to_all_others() {
    let places = places(128, 64);
    let mut greedy: Vec<Place> = (0..64)
        .map(|host| busy(&places, address(1, host)))
        .collect();
    assert!(places.enter(address(1, 100)).is_none());
    greedy.extend((0..64).map(|host| busy(&places, address(2, host))));
    let mut honest: Vec<Place> = (0..4).map(|_| busy(&places, address(3, 1))).collect();
    assert_eq!(count_evicted(&mut greedy), 4);
    assert!((100..200).all(|host| places.enter(address(1, host)).is_none()));
    assert_eq!(count_evicted(&mut honest), 0);
}

#[test]
fn an_address_gets_in_beside_one_of_its_own_network_that_takes_all() {
    let places = places(128, 64);
    let mut greedy: Vec<Place> = (0..64).map(|_| busy(&places, address(1, 1))).collect();
    let mut honest: Vec<Place> = (0..4).map(|_| busy(&places, address(1, 2))).collect();
    assert_eq!(count_evicted(&mut greedy), 4);
    assert!(places.enter(address(1, 1)).is_none());
    assert_eq!(count_evicted(&mut honest), 0);
}

#[test]
fn one_address_is_one_peer_in_either_family() {
    let places = places(9, 1);
    let mut place = places.enter(peer(1)).unwrap();
    let mapped = "::ffff:10.0.0.1".parse().unwrap();
    assert!(places.enter(mapped).is_some() && is_evicted(&mut place));
}
