#!/bin/sh
# Makes the clips in this folder with ffmpeg 5.1 (libx264, libvpx, libopus, libmp3lame, libvorbis). Run it here.
#
# In each, frames 10 to 12 of every second (25 per second) are white, and 10 ms of 3 kHz sound at the moment frame 10
# comes: what a player shows and plays together belongs together.
set -e
picture="color=black:s=64x36:r=25:d=2,drawbox=t=fill:c=white:enable='between(mod(n,25),10,12)'"
beep="0.7*sin(2*PI*3000*t)*between(mod(t,1),0.4,0.41)"
h264="-c:v libx264 -preset veryfast -g 25 -bf 0 -pix_fmt yuv420p -colorspace bt709 -color_primaries bt709 -color_trc bt709"
vp9="-c:v libvpx-vp9 -b:v 30k -g 25 -pix_fmt yuv420p"
clip() { # name, expressions of the channels, rate, the rest for ffmpeg
  name=$1 expression=$2 rate=$3
  shift 3
  ffmpeg -v error -y -f lavfi -i "$picture" -f lavfi -i "aevalsrc='$expression':s=$rate:d=2" -fflags +bitexact -flags +bitexact "$@" "$name"
}
clip aac44.mp4 "$beep|$beep" 44100 $h264 -c:a aac -b:a 48k
clip aac48.mpegts "$beep" 48000 $h264 -c:a aac -b:a 32k -f mpegts
clip aac44.mkv "$beep|$beep" 44100 $h264 -c:a aac -b:a 48k
clip aac8.mp4 "$beep" 8000 $h264 -c:a aac -b:a 12k
clip opus.mp4 "$beep|$beep" 48000 $h264 -c:a libopus -b:a 32k
clip opus.webm "$beep" 48000 $vp9 -c:a libopus -b:a 24k
clip mp3.mp4 "$beep|$beep" 44100 $h264 -c:a libmp3lame -b:a 48k
clip mp3.mkv "$beep" 44100 $h264 -c:a libmp3lame -b:a 40k
clip vorbis.webm "$beep|$beep" 44100 $vp9 -c:a libvorbis -b:a 48k
clip flac44.mkv "$beep" 44100 $h264 -c:a flac
clip pcm8.mov "$beep" 8000 $h264 -c:a pcm_s16le
# Without the sound from 0.9 to 1.2 s; with sound only from 0.7 s on; with sound that ends half a second before the picture,
# and that goes on for a second after it.
gone="aselect=not(between(t\\,0.9\\,1.2))"
clip hole-aac.mkv "$beep|$beep" 44100 $h264 -af "$gone" -c:a aac -b:a 48k
clip hole-opus.mkv "$beep" 48000 $h264 -af "$gone" -c:a libopus -b:a 24k
clip hole-flac.mkv "$beep" 44100 $h264 -af "$gone" -c:a flac
clip late-aac.mkv "$beep" 48000 $h264 -af "aselect=gte(t\\,0.7)" -c:a aac -b:a 32k
clip late-mp3.mkv "$beep" 44100 $h264 -af "aselect=gte(t\\,0.7)" -c:a libmp3lame -b:a 40k
clip short-aac.mp4 "$beep" 48000 $h264 -af "atrim=end=1.5" -c:a aac -b:a 32k
clip short-flac.mkv "$beep" 48000 $h264 -af "atrim=end=1.5" -c:a flac
ffmpeg -v error -y -i aac44.mp4 -f lavfi -i "aevalsrc='$beep':s=48000:d=3" -map 0:v -map 1:a -fflags +bitexact -flags +bitexact -c:v copy -c:a aac -b:a 32k long.mp4
# One channel after the other, half a second each, in ffmpeg's order: front left and right, centre, low, back left and right.
turn() { echo "0.5*sin(2*PI*600*t)*between(t,0.5*$1+0.1,0.5*$1+0.4)"; }
six() { # name, the rest for ffmpeg
  name=$1
  shift
  ffmpeg -v error -y -f lavfi -i "color=black:s=64x36:r=25:d=3" \
    -f lavfi -i "aevalsrc='$(turn 0)|$(turn 1)|$(turn 2)|$(turn 3)|$(turn 4)|$(turn 5)':s=48000:c=5.1:d=3" \
    -fflags +bitexact -flags +bitexact "$@" "$name"
}
six six-aac.mp4 $h264 -c:a aac -b:a 96k
six six-vorbis.webm $vp9 -c:a libvorbis -b:a 96k
six six-opus.webm $vp9 -c:a libopus -mapping_family 1 -b:a 96k
